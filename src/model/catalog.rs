//! Models that can be installed by a short name, each at one revision.

use super::Checksum;

/// A model that paperboy knows.
#[derive(Debug, Clone, Copy)]
pub struct CatalogModel {
    /// Its short name.
    pub name: &'static str,
    /// Its repository on the hub.
    pub repo: &'static str,
    /// The commit that is fetched.
    pub revision: &'static str,
    /// Short description.
    pub about: &'static str,
    /// SHA-256 of files; what is not here must be what the hub says it is.
    pub sums: &'static [(&'static str, &'static str)],
    /// Whether title and abstract are parted by `[SEP]`.
    pub parts_title: bool,
    /// Whether `[CLS]` stands for the text, where the model does not say.
    pub cls: bool,
}

/// Every model that has a short name.
pub const CATALOG: &[CatalogModel] = &[
    CatalogModel {
        name: "potion-base-8M",
        repo: "minishlab/potion-base-8M",
        revision: "bf8b056651a2c21b8d2565580b8569da283cab23",
        about: "static table, 256 numbers, 30 MB (MIT)",
        sums: &[
            (
                "config.json",
                "2a6ac0e9aaa356a68a5688070db78fc3a464fefe85d2f06a1905ce3718687553",
            ),
            (
                "tokenizer.json",
                "e67e803f624fb4d67dea1c730d06e1067e1b14d830e2c2202569e3ef0f70bb50",
            ),
            (
                "model.safetensors",
                "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2",
            ),
        ],
        parts_title: false,
        cls: false,
    },
    CatalogModel {
        name: "all-MiniLM-L6-v2",
        repo: "sentence-transformers/all-MiniLM-L6-v2",
        revision: "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        about: "sentence encoder, 384 numbers, 91 MB (Apache-2.0)",
        sums: &[
            (
                "config.json",
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            (
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            (
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        ],
        parts_title: false,
        cls: false,
    },
    CatalogModel {
        name: "specter2_base",
        repo: "allenai/specter2_base",
        revision: "3447645e1def9117997203454fa4495937bfbd83",
        about: "sentence encoder for papers, 768 numbers, 440 MB (Apache-2.0)",
        // The hub names the checksums of this revision.
        sums: &[],
        parts_title: true,
        cls: true,
    },
];

impl CatalogModel {
    /// The model with this short name or repository, however its letters are cased.
    pub fn find(name: &str) -> Option<&'static CatalogModel> {
        CATALOG.iter().find(|known| {
            known.name.eq_ignore_ascii_case(name) || known.repo.eq_ignore_ascii_case(name)
        })
    }

    /// The checksum of `file`.
    pub(super) fn sum(&self, file: &str) -> Option<Checksum> {
        self.sums
            .iter()
            .find(|(name, _)| *name == file)
            .map(|(_, sum)| Checksum::Sha256((*sum).to_owned()))
    }
}
