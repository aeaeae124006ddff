//! The faults that are planted into the example shop, each as replacements of its text; and variants without a fault.
//!
//! `build.rs` applies them, and fails if a text is not found exactly once. `main.rs` grades each shop.

/// A fault, and the checks that must find it. A variant without a fault has none.
pub(crate) struct Fault {
    /// The name: that of the module with the faulty shop.
    pub(crate) name: &'static str,
    /// The texts of the example that are replaced, each with its replacement.
    #[allow(dead_code, reason = "the test does not need them")]
    pub(crate) replacements: &'static [(&'static str, &'static str)],
    /// The ids of the checks that must fail. All others must pass.
    #[allow(dead_code, reason = "the build script does not need them")]
    pub(crate) fails: &'static [&'static str],
}

const ROUTE: &str = r#".route_service("/notify", notifications)"#;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "sells_by_qr_code",
        replacements: &[
            ("-> Result<Json<JsapiParams>, HttpError>", "-> Result<Json<String>, HttpError>"),
            (
                "let openid: OpenId = terms.openid.parse().map_err(invalid)?;\n    let order = JsapiOrder::new(order.time_expire(expires_at), Payer::new(openid)).map_err(invalid)?;",
                "let order = wxpay_proto::v3::pay::NativeOrder::new(order.time_expire(expires_at));",
            ),
            (
                "placing.await.map_err(internal)?.map(Json)",
                "placing.await.map_err(internal)?.map(|link| Json(link.to_string()))",
            ),
        ],
        fails: &[],
    },
    Fault {
        name: "chooses_the_number",
        replacements: &[
            ("-> Result<Json<JsapiParams>, HttpError>", "-> Result<Json<Value>, HttpError>"),
            (
                "let number: OutTradeNo = terms.number.parse().map_err(invalid)?;",
                r#"let number: OutTradeNo = format!("{}-_*", terms.number).parse().map_err(invalid)?;
                let chosen = number.to_string();"#,
            ),
            (
                "placing.await.map_err(internal)?.map(Json)",
                r#"placing.await.map_err(internal)?.map(|params| Json(json!({ "number": chosen, "params": params })))"#,
            ),
        ],
        fails: &[],
    },
    Fault {
        name: "takes_notifications_for_other_merchants",
        replacements: &[
            (
                "let recording_shop = Arc::clone(&shop);",
                "let recording_shop = Arc::clone(&shop);\n    let other_shop = Arc::clone(&shop);",
            ),
            (
                ROUTE,
                r#".route("/notify", post(move |request: axum::extract::Request| {
                    let (shop, notifications) = (Arc::clone(&other_shop), notifications.clone());
                    async move {
                        let (head, body) = crate::read(request).await;
                        match crate::verified_for_another_merchant(&head.headers, &body) {
                            Some(notification) if shop.receive(&notification).is_ok() => crate::answer(StatusCode::NO_CONTENT),
                            _ => crate::notify(notifications, crate::request(head, body), |_, _| None, |status| status).await,
                        }
                    }
                }))"#,
            ),
        ],
        fails: &["notification.other_merchant"],
    },
    Fault {
        name: "adds_a_fee",
        replacements: &[
            (
                "PaymentState::new(number.clone(), Fen::new(terms.fen))",
                "PaymentState::new(number.clone(), Fen::new(terms.fen + 1))",
            ),
            ("Order::new(number, Fen::new(terms.fen),", "Order::new(number, Fen::new(terms.fen + 1),"),
            ("let terms = sale.terms.fen;", "let terms = sale.terms.fen + 1;"),
        ],
        fails: &["order.placed"],
    },
    Fault {
        name: "changes_signed_parameters",
        replacements: &[
            ("-> Result<Json<JsapiParams>, HttpError>", "-> Result<Json<Value>, HttpError>"),
            (
                "placing.await.map_err(internal)?.map(Json).map_err(failed)",
                r#"let params = placing.await.map_err(internal)?.map_err(failed)?;
                let mut params = serde_json::to_value(params).unwrap();
                params["timeStamp"] = json!(now().as_millis().to_string());
                Ok(Json(params))"#,
            ),
        ],
        fails: &["order.payable"],
    },
    Fault {
        name: "orders_again_under_another_number",
        replacements: &[(
            "let order = Order::new(number,",
            r#"let number = if crate::is_repeated(number.as_str()) { format!("{number}B").parse().map_err(invalid)? } else { number };
            let order = Order::new(number,"#,
        )],
        fails: &["order.reply_lost"],
    },
    Fault {
        name: "uses_unverified_replies",
        replacements: &[
            ("-> Result<Json<JsapiParams>, HttpError>", "-> Result<Json<Value>, HttpError>"),
            (
                "let placing = tokio::spawn(async move { shop.wxpay.call(order).await });",
                "let placing = tokio::task::spawn_blocking(move || crate::unverified::place(shop.wxpay.merchant(), order));",
            ),
        ],
        fails: &["reply.verified"],
    },
    Fault {
        name: "never_queries_orders",
        replacements: &[("self.query(number).await?;\n        let is_over", "let is_over")],
        fails: &["order.queried"],
    },
    Fault {
        name: "closes_in_its_own_records_only",
        replacements: &[(
            "let closing = tokio::spawn(async move { shop.close(&number).await });",
            r"let closing = tokio::spawn(async move {
                if let Some(sale) = shop.books().sales.get_mut(&number) {
                    sale.is_closed = true;
                }
                Ok(())
            });",
        )],
        fails: &["order.closed"],
    },
    Fault {
        name: "never_closes_what_timed_out",
        replacements: &[(
            "if is_over { Ok(self.close(number).await?) }",
            "if is_over && number.as_str().is_empty() { Ok(self.close(number).await?) }",
        )],
        fails: &["order.timed_out"],
    },
    Fault {
        name: "parses_before_it_verifies",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |_, body| {
                serde_json::from_slice::<Value>(body).is_err().then_some(StatusCode::UNPROCESSABLE_ENTITY)
            }, |status| status)))"#,
        )],
        fails: &["notification.verified_first"],
    },
    Fault {
        name: "acknowledges_probes",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |headers, _| {
                crate::header(headers, "wechatpay-signature").starts_with("WECHATPAY/SIGNTEST/").then_some(StatusCode::OK)
            }, |status| status)))"#,
        )],
        fails: &["notification.probe"],
    },
    Fault {
        name: "acknowledges_what_is_not_signed",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |headers, _| {
                crate::header(headers, "wechatpay-signature").is_empty().then_some(StatusCode::OK)
            }, |status| status)))"#,
        )],
        fails: &["notification.unsigned"],
    },
    Fault {
        name: "trusts_old_notifications",
        replacements: &[
            (
                ROUTE,
                r#".route("/notify", post({
                let (shop, merchant) = (old_shop, wxpay.merchant().clone());
                move |request: axum::extract::Request| {
                    let (shop, merchant, notifications) = (Arc::clone(&shop), merchant.clone(), notifications.clone());
                    async move {
                        let (head, body) = crate::read(request).await;
                        match crate::verified_as_of_its_time(&merchant, &head.headers, &body) {
                            Some(notification) if shop.receive(&notification).is_ok() => crate::answer(StatusCode::NO_CONTENT),
                            _ => crate::notify(notifications, crate::request(head, body), |_, _| None, |status| status).await,
                        }
                    }
                }
            }))"#,
            ),
            (
                "let recording_shop = Arc::clone(&shop);",
                "let recording_shop = Arc::clone(&shop);\n    let old_shop = Arc::clone(&shop);",
            ),
        ],
        fails: &["notification.stale"],
    },
    Fault {
        name: "acknowledges_unknown_keys",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |headers, _| {
                (!crate::header(headers, "wechatpay-serial").starts_with("PUB_KEY_ID_")).then_some(StatusCode::OK)
            }, |status| status)))"#,
        )],
        fails: &["notification.unknown_serial"],
    },
    Fault {
        name: "acknowledges_what_it_cannot_decrypt",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |_, _| None, |status| {
                if status == StatusCode::BAD_REQUEST { StatusCode::OK } else { status }
            })))"#,
        )],
        fails: &["notification.other_key"],
    },
    Fault {
        name: "acknowledges_everything",
        replacements: &[(
            ROUTE,
            r#".route("/notify", post(move |request| crate::notify(notifications.clone(), request, |_, _| None, |_| StatusCode::OK)))"#,
        )],
        fails: &[
            "notification.verified_first",
            "notification.probe",
            "notification.unsigned",
            "notification.stale",
            "notification.altered",
            "notification.unknown_serial",
            "notification.other_key",
        ],
    },
    Fault {
        name: "accepts_any_amount",
        replacements: &[(
            "let before = sale.payment.clone();",
            r#"if sale.status() == "open" {
                sale.payment = PaymentState::new(evidence.out_trade_no().clone(), evidence.payment().total_fee());
            }
            let before = sale.payment.clone();"#,
        )],
        fails: &["notification.amount"],
    },
    Fault {
        name: "delivers_before_it_answers",
        replacements: &[
            (
                "async move { shop.receive(&notification) }",
                r"async move {
                    let deliveries = |shop: &Shop| shop.books().sales.values().map(|sale| sale.deliveries).sum::<u32>();
                    let before = deliveries(&shop);
                    let received = shop.receive(&notification);
                    if deliveries(&shop) > before {
                        tokio::time::sleep(Duration::from_millis(5500)).await;
                    }
                    received
                }",
            ),
            (ROUTE, r#".route_service("/notify", notifications.response_timeout(Duration::from_secs(10)))"#),
        ],
        fails: &["notification.accepted"],
    },
    Fault {
        name: "delivers_for_each_copy",
        replacements: &[
            (
                "let recording_shop = Arc::clone(&shop);",
                "let recording_shop = Arc::clone(&shop);\n    let (own_wxpay, own_shop) = (wxpay.clone(), Arc::clone(&shop));",
            ),
            (
                ROUTE,
                r#".route("/notify", post(move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
                    let (wxpay, shop) = (own_wxpay.clone(), Arc::clone(&own_shop));
                    async move {
                        drop(notifications);
                        match wxpay.verify_notification(&headers, body).await {
                            Ok(notification) if shop.receive(&notification).is_ok() => StatusCode::NO_CONTENT,
                            Ok(_) => StatusCode::INTERNAL_SERVER_ERROR,
                            Err(error) if error.kind() == wxpay_proto::ErrorKind::Signature => StatusCode::UNAUTHORIZED,
                            Err(_) => StatusCode::BAD_REQUEST,
                        }
                    }
                }))"#,
            ),
            (
                "Transition::Paid(_) => sale.deliveries = sale.deliveries.saturating_add(1),",
                "Transition::Paid(_) => {}",
            ),
            (
                "for transition in sale.payment.transitions_since(&before) {",
                "sale.deliveries = sale.deliveries.saturating_add(1);\n        for transition in sale.payment.transitions_since(&before) {",
            ),
        ],
        fails: &["notification.copies"],
    },
    Fault {
        name: "takes_an_accepted_refund_as_done",
        replacements: &[(
            "shop.record_refund(&number, &refund.out_refund_no, refund.status);\n        Ok(())",
            "shop.record_refund(&number, &refund.out_refund_no, RefundStatus::Success);\n        Ok(())",
        )],
        fails: &["refund.completed", "refund.failed", "refund.queried"],
    },
    Fault {
        name: "takes_each_refund_notification_as_a_success",
        replacements: &[
            ("&refund.out_refund_no, refund.refund_status)", "&refund.out_refund_no, RefundStatus::Success)"),
            (
                "self.record_refund(number, refund_number, refund.status);",
                "if refund.status == RefundStatus::Success {\n                self.record_refund(number, refund_number, refund.status);\n            }",
            ),
        ],
        fails: &["refund.failed"],
    },
    Fault {
        name: "never_queries_refunds",
        replacements: &[(
            "for (number, refund) in pending {",
            "for (number, refund) in pending.into_iter().take(0) {",
        )],
        fails: &["refund.queried"],
    },
    Fault {
        name: "refunds_again_under_another_number",
        replacements: &[(
            "let create = CreateRefund::new(number.clone(), refund_number, amount);",
            r#"let refund_number = if crate::is_repeated(refund_number.as_str()) { format!("{refund_number}B").parse().map_err(invalid)? } else { refund_number };
            let create = CreateRefund::new(number.clone(), refund_number, amount);"#,
        )],
        fails: &["refund.reply_lost"],
    },
    Fault {
        name: "shows_the_api_v3_key",
        replacements: &[(
            r#""deliveries": sale.deliveries })"#,
            r#""deliveries": sale.deliveries, "debug": crate::api_v3_key() })"#,
        )],
        fails: &["secrets"],
    },
];
