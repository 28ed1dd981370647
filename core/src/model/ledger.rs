//! The only place for time and money.

use chrono::NaiveDate;

use super::id::Id;
use super::meetings::{Event, Meeting};
use super::people::Group;
use super::record::{record, words};

/// The codes of ISO 4217 for money one can be paid in, by letter.
pub const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
    "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD",
    "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

words! {
    /// What the time went into.
    Activity {
        /// Being there.
        Attending = "attending",
        /// Getting there and back.
        Travel = "travel",
        /// Getting ready, writing up.
        Preparation = "preparation",
    }
}

words! {
    /// What it was for.
    Purpose {
        /// Not said.
        Unset = "",
        /// Keeping up what there is.
        Maintain = "maintain",
        /// Meeting new people.
        Grow = "grow",
    }
}

record! {
    /// Time spent.
    TimeEntry {
        /// The local day.
        value on: Option<NaiveDate>,
        /// Whole minutes.
        value minutes: u32,
        /// Attending, travel or preparation.
        value activity: Activity,
        /// Maintain or grow.
        value purpose: Purpose,
        /// For which meeting.
        value meeting: Option<Id<Meeting>>,
        /// For which event.
        value event: Option<Id<Event>>,
        /// For which group.
        value group: Option<Id<Group>>,
    }
}

record! {
    /// Money spent.
    MoneyEntry {
        /// The local day.
        value on: Option<NaiveDate>,
        /// The amount, in the minor unit of the currency.
        value minor_units: i64,
        /// ISO 4217 code.
        value currency: String,
        /// On what.
        value words: String,
        /// Maintain or grow.
        value purpose: Purpose,
        /// For which meeting.
        value meeting: Option<Id<Meeting>>,
        /// For which event.
        value event: Option<Id<Event>>,
        /// For which group.
        value group: Option<Id<Group>>,
    }
}
