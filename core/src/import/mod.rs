//! placeholder
pub fn identities(_c: &crate::model::Contact) -> Vec<String> {
    Vec::new()
}
