//! Forgetting keys: the end of a renewal. Once every device holds the base and has forgotten what it covers, each forgets
//! the roots of the epochs before it and renews its HPKE key, so that copies of old files, in whatever bin they lie, open
//! to nothing that any device still has. The recovery key on paper is never renewed so: with old bags it opens old files.
//!
//! Of a forgotten epoch the entry key stays: the roster is never forgotten, and its files stay as they were sealed. An
//! epoch under which anything whole is left is not forgotten, and whoever lacks its root is given it; what somebody dropped
//! here is forgotten with the root.
//!
//! Each step is durable before the next: first what takes the place of a root is kept and the next HPKE key made, then
//! it is said, and bags are sealed to it; the former one goes when every device has said its own. Whoever is killed in
//! between does the rest at the next sync.

use crate::error::Result;
use crate::notebook::Notebook;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;

impl Notebook {
    /// Does with this device's own keys what renewals ask for that all devices have done.
    pub(super) fn forget_keys(&self, member: &mut Member, keys: &dyn KeyStore) -> Result<()> {
        let steps = member.steps_due();
        if steps > 0 {
            member.follow_renewals(keys, steps, &self.live_keys(member)?)?;
            // Of a device that was copied or put back, others knew the key it has now before it did.
            self.take_kept(member, keys)?;
        }
        let now = self.unix_ms();
        let said = self.with_random(|random| member.rekey(now, random));
        if steps > 0 || said.is_some() {
            self.keep_roster(member, said.as_slice())?;
            self.hand_on_keys(member)?;
        }
        self.forget_dropped(member)?;
        member.forget_former(keys)
    }
}
