"""
Columns are named as Fivetran names them.

The rules: https://fivetran.com/docs/core-concepts#namingconventions. The pairs are columns that its Salesforce
connector has made in the field and that models and dashboards read; those of `fivetran/dbt_salesforce` are among them.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectDescription
from crm_patterns.patterns.naming import column_name, table_name
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract

STANDARD = """
    Id id                                       IsDeleted is_deleted
    CreatedDate created_date                    CreatedById created_by_id
    LastModifiedById last_modified_by_id        LastModifiedDate last_modified_date
    SystemModstamp system_modstamp              LastActivityDate last_activity_date
    MasterRecordId master_record_id             RecordTypeId record_type_id
    OwnerId owner_id                            AccountId account_id
    AccountNumber account_number                AccountSource account_source
    AnnualRevenue annual_revenue                NumberOfEmployees number_of_employees
    BillingPostalCode billing_postal_code       BillingStateCode billing_state_code
    BillingGeocodeAccuracy billing_geocode_accuracy   ShippingCountryCode shipping_country_code
    SicDesc sic_desc                            TickerSymbol ticker_symbol
    PhotoUrl photo_url                          DandbCompanyId dandb_company_id
    JigsawCompanyId jigsaw_company_id           NaicsDesc naics_desc
    IndividualId individual_id                  ReportsToId reports_to_id
    HasOptedOutOfEmail has_opted_out_of_email   EmailBouncedDate email_bounced_date
    DoNotCall do_not_call                       MailingStreet mailing_street
    IsUnreadByOwner is_unread_by_owner          ConvertedOpportunityId converted_opportunity_id
    CampaignId campaign_id                      CloseDate close_date
    ExpectedRevenue expected_revenue            FiscalQuarter fiscal_quarter
    FiscalYear fiscal_year                      ForecastCategoryName forecast_category_name
    HasOpenActivity has_open_activity           HasOpportunityLineItem has_opportunity_line_item
    HasOverdueTask has_overdue_task             SyncedQuoteId synced_quote_id
    StageName stage_name                        NextStep next_step
    Pricebook2Id pricebook_2_id                 Product2Id product_2_id
    Territory2Id territory_2_id
    IsExcludedFromTerritory2Filter is_excluded_from_territory_2_filter
    PricebookEntryId pricebook_entry_id         HasRevenueSchedule has_revenue_schedule
    QuantityUnitOfMeasure quantity_unit_of_measure
    ActivityDateTime activity_date_time         DurationInMinutes duration_in_minutes
    IsRecurrence2 is_recurrence_2               EventSubtype event_subtype
    CallDurationInSeconds call_duration_in_seconds    WhoId who_id
    CompletedDateTime completed_date_time       IsHighPriority is_high_priority
    FullPhotoUrl full_photo_url                 TimeZoneSidKey time_zone_sid_key
    EmailPreferencesAutoBcc email_preferences_auto_bcc
    OpportunityAccessForAccountOwner opportunity_access_for_account_owner
"""

CAPITALS_AND_DIGITS = """
    LastCURequestDate last_curequest_date       LastCUUpdateDate last_cuupdate_date
    UserPermissionsSFContentUser user_permissions_sfcontent_user
    UserPreferencesHideCSNDesktopTask user_preferences_hide_csndesktop_task
    UserPreferencesHideCSNGetChatterMobileTask user_preferences_hide_csnget_chatter_mobile_task
    UserPreferencesHideS1BrowserUI user_preferences_hide_s_1_browser_ui
    UserPreferencesCreateLEXAppsWTShown user_preferences_create_lexapps_wtshown
    UserPreferencesGlobalNavBarWTShown user_preferences_global_nav_bar_wtshown
"""

CUSTOM = """
    My_Field__c my_field_c                      Region__c region_c
    ERP_Customer__c erp_customer_c              Is_EU_Resident__c is_eu_resident_c
    mc4sf__MC_Subscriber__c mc_4_sf_mc_subscriber_c
    LeanData__A2B_Account__c lean_data_a_2_b_account_c
    LeanData__LD_Segment__c lean_data_ld_segment_c
    SalesLoft1__Most_Recent_Cadence_Name__c sales_loft_1_most_recent_cadence_name_c
    mkto71_Lead_Score__c mkto_71_lead_score_c   bizible2__Landing_Page_FT__c bizible_2_landing_page_ft_c
    rh2__Currency_Test__c rh_2_currency_test_c
    ES_APP__ESLinkedIn__c es_app_eslinked_in_c  ES_APP__ESECID__c es_app_esecid_c
    dnboptimizer__DnBContact_Record__c dnboptimizer_dn_bcontact_record_c
    dnboptimizer__DNB_D_U_N_S_Number__c dnboptimizer_dnb_d_u_n_s_number_c
    engagio__Intent_Minutes_Last_30_Days__c engagio_intent_minutes_last_30_days_c
    LinkedIn_URL__c linked_in_url_c             Email_Opt_Out_Date_Time__c email_opt_out_date_time_c
    Loc__Latitude__s loc_latitude_s             Parent__pc parent_pc
    SBQQ__Quote__c sbqq_quote_c                 Status__e status_e
"""

TABLES = """
    Account ACCOUNT                             OpportunityLineItem OPPORTUNITY_LINE_ITEM
    Product2 PRODUCT_2                          Pricebook2 PRICEBOOK_2
    UserRole USER_ROLE                          OpportunityFieldHistory OPPORTUNITY_FIELD_HISTORY
    Subscription__c SUBSCRIPTION_C              SBQQ__QuoteLine__c SBQQ_QUOTE_LINE_C
"""


def pairs(text: str) -> list[tuple[str, str]]:
    words = text.split()
    return list(zip(words[::2], words[1::2], strict=True))


COLUMNS = pairs(STANDARD) + pairs(CAPITALS_AND_DIGITS) + pairs(CUSTOM)
names = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
api_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,24}", fullmatch=True)


def test_there_are_enough_pairs_to_mean_something() -> None:
    assert len({name for name, _ in COLUMNS}) == len(COLUMNS) >= 60


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_a_column_has_the_name_that_existing_models_read(name: str, column: str) -> None:
    assert column_name(name) == column


@pytest.mark.parametrize(("name", "table"), pairs(TABLES))
def test_a_table_has_the_name_that_existing_models_read(name: str, table: str) -> None:
    assert table_name(name) == table


@pytest.mark.parametrize(
    ("name", "column"),
    [("first name", "first_name"), ("total$amount", "total_amount"), ("Größe", "groe"), ("1st_Call", "_1_st_call")],
)
def test_what_no_api_name_holds_has_its_rule_too(name: str, column: str) -> None:
    assert column_name(name) == column


@given(names)
def test_a_name_is_small_letters_digits_and_underscores_and_begins_with_no_digit(name: str) -> None:
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", column_name(name))


@given(names)
def test_a_name_that_is_one_already_stays_as_it_is(name: str) -> None:
    assert column_name(column_name(name)) == column_name(name)


@given(api_names)
def test_no_letter_and_no_digit_is_lost(name: str) -> None:
    assert column_name(name).replace("_", "") == name.replace("_", "").lower()


@given(st.lists(api_names, unique=True, max_size=12), st.randoms(use_true_random=False))
def test_every_field_has_a_column_of_its_own_whatever_the_order_of_the_description(found: list[str], shuffle) -> None:  # type: ignore[no-untyped-def]
    fields = [DescribedField(name, FieldKind.TEXT) for name in {"Id", *found}]
    one = {f.name: f.column for f in make_contract("s", ObjectDescription("X", tuple(fields)), FieldChoice()).fields}
    shuffle.shuffle(fields)
    other = {f.name: f.column for f in make_contract("s", ObjectDescription("X", tuple(fields)), FieldChoice()).fields}

    assert one == other
    assert len(set(one.values())) == len(one)


def test_a_suffix_that_is_a_column_already_gives_way() -> None:
    from crm_patterns.core.fingerprints import short_fingerprint

    taken = f"My_Field_c_{short_fingerprint('My_Field__c', digits=4)}"
    described = ObjectDescription("X", tuple(DescribedField(n, FieldKind.TEXT) for n in
                                             ("Id", "MyField__c", "My_Field__c", taken)))  # fmt: skip

    columns = [field.column for field in make_contract("s", described, FieldChoice()).fields]

    assert len(set(columns)) == 4
