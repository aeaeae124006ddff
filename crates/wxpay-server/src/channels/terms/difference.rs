//! The first difference of two terms.

use super::{Detail, Payer, SceneInfo, Terms};

/// Returns the path of the first field in which the terms differ.
pub(super) fn first(one: &Terms, other: &Terms) -> Option<&'static str> {
    // Destructured, so that a new field cannot be forgotten here.
    let Terms {
        merchant,
        app,
        sub_mchid,
        channel,
        out_trade_no,
        description,
        amount,
        payer,
        scene_info,
        detail,
        time_expire,
        attach,
        profit_sharing,
        goods_tag,
        support_fapiao,
    } = one;
    let differs = [
        ("merchant", *merchant != other.merchant),
        ("app", *app != other.app),
        ("sub_mchid", *sub_mchid != other.sub_mchid),
        ("channel", *channel != other.channel),
        ("out_trade_no", *out_trade_no != other.out_trade_no),
        ("description", *description != other.description),
        ("amount.total", amount.total != other.amount.total),
        ("amount.currency", amount.currency != other.amount.currency),
        (payer_path(payer.as_ref(), other.payer.as_ref()), *payer != other.payer),
        (scene_path(scene_info.as_ref(), other.scene_info.as_ref()), *scene_info != other.scene_info),
        (detail_path(detail.as_ref(), other.detail.as_ref()), *detail != other.detail),
        ("time_expire", *time_expire != other.time_expire),
        ("attach", *attach != other.attach),
        ("profit_sharing", *profit_sharing != other.profit_sharing),
        ("goods_tag", *goods_tag != other.goods_tag),
        ("support_fapiao", *support_fapiao != other.support_fapiao),
    ];
    differs.into_iter().find_map(|(path, differs)| differs.then_some(path))
}

fn payer_path(one: Option<&Payer>, other: Option<&Payer>) -> &'static str {
    match (one, other) {
        (Some(Payer::OpenId(_)), Some(Payer::OpenId(_))) => "payer.openid",
        (Some(Payer::SubOpenId(_)), Some(Payer::SubOpenId(_))) => "payer.sub_openid",
        (Some(_) | None, Some(_) | None) => "payer",
    }
}

fn scene_path(one: Option<&SceneInfo>, other: Option<&SceneInfo>) -> &'static str {
    let default = SceneInfo::default();
    let (one, other) = (one.unwrap_or(&default), other.unwrap_or(&default));
    if one.payer_client_ip != other.payer_client_ip {
        "scene_info.payer_client_ip"
    } else if one.store_info != other.store_info {
        "scene_info.store_info"
    } else {
        "scene_info.h5_info"
    }
}

fn detail_path(one: Option<&Detail>, other: Option<&Detail>) -> &'static str {
    match (one, other) {
        (Some(one), Some(other)) if one.cost_price != other.cost_price => "detail.cost_price",
        (Some(one), Some(other)) if one.invoice_id != other.invoice_id => "detail.invoice_id",
        (Some(_), Some(_)) => "detail.goods_detail",
        (Some(_) | None, Some(_) | None) => "detail",
    }
}
