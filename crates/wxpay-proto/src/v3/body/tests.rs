use crate::{
    error::Fate,
    id::{AppId, NotifyUrl},
    v3::{fake, prelude::*, refund::RefundOf},
};
use core::error::Error as _;

body! {
    #[derive(Clone)]
    struct Part {
        required id: u32,
        constant kind: &str as "type" = "PART",
    }
    Debug { id }
}

body! {
    #[derive(Clone)]
    struct Whole {
        required number: u32 = omitted,
        required id: RefundOf = flattened,
        /// Sets the app.
        optional appid: AppId = appid_or_default,
        computed part: Part = flattened,
        /// Sets the notification URL.
        optional notify_url: NotifyUrl = or_default,
        computed sub_appid: &AppId,
        /// Sets the party.
        default party: Party = flattened,
        /// Sets a flag.
        default flag: bool as "is_set",
        /// Sets a text.
        text note: Chars<10>,
        /// Sets a part.
        optional one: Part = flattened,
        /// Sets another part.
        optional other: Part,
        /// Sets a sealed part.
        optional name: Sensitive,
        object all: All,
        /// Sets the list.
        list parts: Part,
    }
    Debug { number, parts }
}

body! {
    #[derive(Clone, Default)]
    struct All {
        /// Sets a number.
        optional number: u32,
    }
    Debug { number }
}

fn id() -> RefundOf {
    RefundOf::OutTradeNo("20261125A1".parse().unwrap())
}

impl Whole {
    fn part(&self, _: &Merchant) -> Result<Part, Error> {
        self.number.checked_mul(2).map(Part::required).ok_or_else(malformed)
    }

    fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
}

impl Endpoint for Whole {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post("v3.test", "/v3/test", self)
    }

    fn read(&self, _: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn absent_members_are_left_out_and_the_rest_is_in_order() {
    let minimal = Whole::required(1, id()).appid("wxd678efh567hg6787".parse().unwrap());
    assert_eq!(
        fake::drafted(&minimal).1,
        r#"{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","is_set":false}"#
    );
    let sub_appid = Some("wxd678efh567hg6789".parse().unwrap());
    let mut full = minimal
        .notify_url("https://a.example/".parse().unwrap())
        .party(Party::Partner { sub_mchid: "1900000109".parse().unwrap(), sub_appid })
        .flag(true)
        .note("\"")
        .unwrap()
        .one(Part::required(3))
        .other(Part::required(4))
        .name(Sensitive::new("planted".into()).unwrap())
        .parts(vec![Part::required(5), Part::required(6)]);
    full.all = full.all.number(7);
    let expected = format!(
        r#"{{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","notify_url":"https://a.example/","sub_appid":"wxd678efh567hg6789","sub_mchid":"1900000109","is_set":true,"note":"\"","id":3,"type":"PART","other":{{"id":4,"type":"PART"}},"name":"{}","all":{{"number":7}},"parts":[{{"id":5,"type":"PART"}},{{"id":6,"type":"PART"}}]}}"#,
        fake::sealed("planted")
    );
    assert_eq!(fake::drafted(&full).1, expected);
}

#[test]
fn the_merchants_defaults_are_written_or_their_absence_is_an_error_that_names_the_field() {
    let whole = Whole::required(1, id());
    let me = fake::builder().appid("wxd678efh567hg6787".parse().unwrap());
    let me = me.notify_url("https://a.example/".parse().unwrap()).build();
    assert_eq!(
        fake::drafted_by(&me, &whole).unwrap().1,
        r#"{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","notify_url":"https://a.example/","is_set":false}"#
    );
    let error = fake::drafted_by(&fake::merchant(), &whole).unwrap_err();
    assert_eq!(error.fate(), Some(Fate::NotSent));
    assert!(error.source().unwrap().to_string().starts_with("appid is required"));
}

#[test]
fn debug_output_shows_the_listed_fields_only_and_errors_name_the_field() {
    let whole = Whole::required(1, id()).note("planted").unwrap();
    assert_eq!(format!("{whole:?}"), "Whole { number: 1, parts: [], .. }");
    let error = whole.note("longer than ten").unwrap_err();
    assert_eq!(error.to_string(), "note must be 1 to 10 characters, none beyond U+FFFF");
}
