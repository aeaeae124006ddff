//! The input of operations on merchants and API keys.

use super::{Input, Values};
use crate::api::{
    cursor::List,
    keys::Merchants,
    operation::{CreateApiKey, CreateMerchant, MerchantSecrets, Page, SetMerchantKeys, UpdateMerchant},
    problem::Problem,
};

impl Input {
    pub(crate) fn create_merchant(&mut self) -> Result<CreateMerchant, Problem> {
        Ok(CreateMerchant {
            merchant: self.body.required_text("merchant")?,
            keys: self.merchant_keys(),
            settings: self.body.take_rest(),
        })
    }

    pub(crate) fn update_merchant(&mut self) -> Result<UpdateMerchant, Problem> {
        Ok(UpdateMerchant {
            merchant: self.id("merchant")?,
            keys: self.merchant_keys(),
            settings: self.body.take_rest(),
        })
    }

    fn merchant_keys(&mut self) -> MerchantSecrets {
        self.body.object("keys").map_or_else(MerchantSecrets::default, |mut keys| secrets(&mut keys))
    }

    pub(crate) fn set_merchant_keys(&mut self) -> Result<SetMerchantKeys, Problem> {
        Ok(SetMerchantKeys { merchant: self.id("merchant")?, keys: secrets(&mut self.body) })
    }

    pub(crate) fn list_merchants(&mut self) -> Result<Page, Problem> {
        self.page(List::Merchants)
    }

    pub(crate) fn create_api_key(&mut self) -> Result<CreateApiKey, Problem> {
        let scopes = self.body.texts("scopes").unwrap_or_default();
        if scopes.is_empty() {
            return Err(Problem::invalid_field("scopes", "must have at least one scope"));
        }
        let merchants = match self.body.texts("merchants") {
            None => Merchants::All,
            Some(names) if names.is_empty() => {
                return Err(Problem::invalid_field(
                    "merchants",
                    "must have at least one merchant, or be absent",
                ));
            }
            Some(names) => Merchants::Only(names.into_iter().collect()),
        };
        Ok(CreateApiKey {
            name: self.body.required_text("name")?,
            scopes: scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>()?,
            merchants,
            expires_at: self.body.time("expires_at"),
        })
    }

    pub(crate) fn list_api_keys(&mut self) -> Result<Page, Problem> {
        self.page(List::ApiKeys)
    }
}

fn secrets(values: &mut Values) -> MerchantSecrets {
    MerchantSecrets {
        private_key: values.secret("private_key"),
        api_v3_key: values.secret("api_v3_key"),
        previous_api_v3_key: values.secret("previous_api_v3_key"),
        app_secret: values.secret("app_secret"),
        pay_sign_key: values.secret("pay_sign_key"),
        partner_key: values.secret("partner_key"),
    }
}
