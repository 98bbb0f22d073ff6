//! Forms: parsing, checks of fields, error texts, and mails with a link.

pub(super) mod categories;
pub(super) mod examples;
pub(super) mod field_errors;
mod form;
pub(super) mod mail_form;

pub(super) use form::Form;

/// IANA time zones offered in forms, by region and city.
pub(super) fn zones() -> Vec<&'static str> {
    let all = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    all.filter(|name| *name == "UTC" || (name.contains('/') && !name.starts_with("Etc/")))
        .collect()
}
