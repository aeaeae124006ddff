//! The parsing of terms.

use super::{Amount, Detail, Goods, H5Info, Payer, SceneInfo, StoreInfo, Terms};
use crate::{channels::reader::Reader, invalid::Invalid};
use serde_json::{Map, Value};
use wxpay_proto::{UnixTime, id::OpenId, wire::time::parse_rfc3339};

/// The maximum number of entries in `goods_detail`: WeChat Pay's own limit is 6,000 bytes for all.
const MAX_GOODS: usize = 100;

pub(super) fn terms(fields: Map<String, Value>) -> Result<Terms, Invalid> {
    let mut root = Reader::new(fields);
    let channel = root.parsed("channel")?;
    let out_trade_no = root.parsed("out_trade_no")?;
    let description = root.text("description")?;
    let amount = root.object("amount")?;
    let terms = Terms {
        merchant: root.parsed("merchant")?,
        app: root.text("app")?,
        sub_mchid: root.parsed("sub_mchid")?,
        channel: root.required("channel", channel)?,
        out_trade_no: root.required("out_trade_no", out_trade_no)?,
        description: root.required("description", description)?,
        amount: self::amount(root.required("amount", amount)?)?,
        payer: root.object("payer")?.map(payer).transpose()?,
        scene_info: root.object("scene_info")?.map(scene_info).transpose()?.flatten(),
        detail: root.object("detail")?.map(detail).transpose()?.flatten(),
        time_expire: root.parsed_by(
            "time_expire",
            "must be a time in RFC 3339 with an offset, such as 2026-11-29T17:00:00+08:00",
            // The wire has whole seconds.
            |text| parse_rfc3339(text).ok().map(|time| UnixTime::from_secs(time.as_secs())),
        )?,
        attach: root.text("attach")?.filter(|attach| !attach.is_empty()),
        profit_sharing: root.flag("profit_sharing")?,
        goods_tag: root.text("goods_tag")?.filter(|tag| !tag.is_empty()),
        support_fapiao: root.flag("support_fapiao")?,
    };
    root.finish()?;
    Ok(terms)
}

fn amount(mut amount: Reader) -> Result<Amount, Invalid> {
    let total = amount.fen("total")?;
    let total = amount.required("total", total)?;
    let only_cny = |text: &str| (text == "CNY").then_some("CNY");
    let currency = amount.parsed_by("currency", "must be CNY", only_cny)?.unwrap_or("CNY");
    amount.finish()?;
    Ok(Amount { total, currency })
}

fn payer(mut payer: Reader) -> Result<Payer, Invalid> {
    let openid = payer.parsed::<OpenId>("openid")?;
    let sub_openid = payer.parsed::<OpenId>("sub_openid")?;
    let (openid_path, sub_path) = (payer.at("openid"), payer.at("sub_openid"));
    payer.finish()?;
    match (openid, sub_openid) {
        (Some(id), None) => Ok(Payer::OpenId(id)),
        (None, Some(id)) => Ok(Payer::SubOpenId(id)),
        (Some(_), Some(_)) => Err(Invalid::new(sub_path, "must not be set together with openid")),
        (None, None) => Err(Invalid::new(openid_path, "is required, or sub_openid")),
    }
}

fn scene_info(mut scene: Reader) -> Result<Option<SceneInfo>, Invalid> {
    let parsed = SceneInfo {
        payer_client_ip: scene
            .parsed_by("payer_client_ip", "must be an IPv4 or IPv6 address", |text| text.parse().ok())?,
        store_info: scene.object("store_info")?.map(store_info).transpose()?,
        h5_info: scene.object("h5_info")?.map(h5_info).transpose()?,
    };
    scene.finish()?;
    // Empty and absent are the same terms.
    Ok((parsed != SceneInfo::default()).then_some(parsed))
}

fn store_info(mut store: Reader) -> Result<StoreInfo, Invalid> {
    let parsed = StoreInfo {
        id: store.text("id")?,
        out_id: store.text("out_id")?,
        name: store.text("name")?,
        area_code: store.text("area_code")?,
        address: store.text("address")?,
    };
    store.finish()?;
    Ok(parsed)
}

fn h5_info(mut info: Reader) -> Result<H5Info, Invalid> {
    let kind = |text: &str| ["Wap", "iOS", "Android"].into_iter().find(|kind| *kind == text);
    let kind = info.parsed_by("type", "must be one of Wap, iOS, Android", kind)?;
    let parsed = H5Info {
        kind: info.required("type", kind)?,
        app_name: info.text("app_name")?,
        app_url: info.text("app_url")?,
        bundle_id: info.text("bundle_id")?,
        package_name: info.text("package_name")?,
    };
    info.finish()?;
    Ok(parsed)
}

fn detail(mut detail: Reader) -> Result<Option<Detail>, Invalid> {
    let list = detail.list("goods_detail")?;
    if list.len() > MAX_GOODS {
        return Err(Invalid::new(detail.at("goods_detail"), "must have at most 100 entries"));
    }
    let parsed = Detail {
        cost_price: detail.fen("cost_price")?,
        invoice_id: detail.text("invoice_id")?,
        goods_detail: list.into_iter().map(goods).collect::<Result<_, _>>()?,
    };
    detail.finish()?;
    let is_empty =
        parsed.cost_price.is_none() && parsed.invoice_id.is_none() && parsed.goods_detail.is_empty();
    Ok((!is_empty).then_some(parsed))
}

fn goods(mut goods: Reader) -> Result<Goods, Invalid> {
    let (id, quantity, price) =
        (goods.text("merchant_goods_id")?, goods.count("quantity")?, goods.fen("unit_price")?);
    let parsed = Goods {
        merchant_goods_id: goods.required("merchant_goods_id", id)?,
        wechatpay_goods_id: goods.text("wechatpay_goods_id")?,
        goods_name: goods.text("goods_name")?,
        quantity: goods.required("quantity", quantity)?,
        unit_price: goods.required("unit_price", price)?,
    };
    goods.finish()?;
    Ok(parsed)
}
