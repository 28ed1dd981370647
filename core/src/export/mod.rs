//! placeholder
use crate::model::*;
pub fn vcard3(_p: &Contact, _o: &dyn Fn(Id<Organisation>) -> Option<String>, _ph: Option<&[u8]>) -> String {
    String::new()
}
