//! Cases.

use super::{Answer, Caller, page};
use crate::{
    actions::CaseDecision,
    api::{
        cursor::List,
        operation::{self, ListCases, ResolveCase},
        problem::Problem,
        service::Api,
    },
    ledger::{
        Scan, Shard,
        rows::case::{CaseRow, CaseStatus, Remedy},
        table::Cell as _,
    },
};

impl Api {
    pub(super) async fn list_cases(&self, caller: &Caller, list: ListCases) -> Result<Answer, Problem> {
        let merchant = self.select(caller, list.merchant.as_deref())?.name().clone();
        let status = list.status.as_deref().and_then(|name| name.parse().ok()).unwrap_or(CaseStatus::Open);
        let limit = list.page.limit;
        let mut scan = Scan::<CaseRow>::of("cases_by_status", limit.saturating_add(1))
            .equal(&merchant)
            .equal(&status)
            .descending();
        if let Some(cursor) = &list.page.cursor {
            let (opened_at, shard, id): (u64, u64, String) = cursor.position()?;
            scan = scan.after(vec![opened_at.to_value(), shard.to_value(), id.to_value()]);
        }
        let mut cases = self.app().ledger().scan(scan).await?;
        let has_more = page::cut(&mut cases, limit);
        let next = cases
            .last()
            .filter(|_| has_more)
            .map(|case| (case.opened_at.as_millis(), u64::from(case.shard.number()), case.case_id.clone()));
        Ok(page::page(List::Cases, &cases.iter().map(CaseRow::to_json).collect::<Vec<_>>(), next.as_ref()))
    }

    pub(super) async fn get_case(&self, caller: &Caller, case_id: &str) -> Result<Answer, Problem> {
        Ok(Answer::ok(self.case(caller, case_id).await?.to_json()))
    }

    pub(super) async fn resolve_case(
        &self,
        caller: &Caller,
        resolve: ResolveCase,
    ) -> Result<Answer, Problem> {
        let case = self.case(caller, &resolve.case_id).await?;
        let (remedy, card) = match resolve.remedy {
            operation::Remedy::Refund => (Remedy::Refund, None),
            operation::Remedy::Accept => (Remedy::Accept, None),
            operation::Remedy::Retry => (Remedy::Retry, None),
            operation::Remedy::Redirect(card) => (Remedy::Redirect, card),
        };
        let (remedy, actor, note) = (Some(remedy), caller.actor.clone(), resolve.note);
        let decision = CaseDecision { case, remedy, card, actor, note };
        Ok(Answer::ok(self.app().resolve_case(decision).await?.to_json()))
    }

    /// Finds a case. Its shard does not follow from its id.
    async fn case(&self, caller: &Caller, case_id: &str) -> Result<CaseRow, Problem> {
        let loads = Shard::all().map(|shard| CaseRow::of(shard, case_id).load()).collect();
        let rows = self.app().ledger().read(loads).await?;
        let case: Option<CaseRow> = rows.one().map_err(crate::engine::LedgerError::from)?;
        case.filter(|case| caller.allows(&case.merchant)).ok_or_else(|| Problem::not_found("case"))
    }
}
