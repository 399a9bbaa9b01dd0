// The settings of the service that an operator may choose: those of shared/settings.py that neither
// the template derives from what it deploys (modules/app.bicep) nor are for development alone.
// tests/ops/infra/test_app_settings.py holds names and bounds against the model. One that is left out
// keeps the default of the model.

@export()
@sealed()
@description('Settings of the service by name; docs: README, Settings.')
type serviceSettings = {
  @description('The public address behind which a gateway hides the app, as https://id.example.com, without a slash at the end.')
  @minLength(9)
  @maxLength(2048)
  SCIM_BASE_URL: string?

  @description('How Table Storage is spoken to: the project\'s own client, or azure-data-tables.')
  SCIM_TABLE_CLIENT: ('rest' | 'sdk')?

  @description('Whether OpenTelemetry is told of requests; it takes the packages of the group telemetry in pyproject.toml.')
  SCIM_TELEMETRY: ('off' | 'on')?

  @description('A file or folder with schemas and resource types of your own, from the folder of the app on.')
  @minLength(1)
  @maxLength(260)
  SCIM_SCHEMAS: string?

  @description('The largest request body, in bytes.')
  @minValue(4096)
  @maxValue(16777216)
  SCIM_MAX_BODY_BYTES: int?

  @description('What all storage calls of a request may take together, in seconds.')
  @minValue(1)
  @maxValue(55)
  SCIM_REQUEST_DEADLINE_SECONDS: int?

  @description('How many requests a second a tenant is served by each instance, and twice as many in a burst.')
  @minValue(25)
  @maxValue(10000)
  SCIM_REQUESTS_PER_SECOND: int?

  @description('For how long an access token of an OAuth client is valid, in minutes.')
  @minValue(60)
  @maxValue(360)
  SCIM_ACCESS_TOKEN_MINUTES: int?

  @description('Hosts from which the keys of other issuers may be fetched, by commas.')
  @minLength(1)
  @maxLength(2048)
  SCIM_JWKS_HOSTS: string?

  @description('What becomes of a group member that is no user.')
  SCIM_UNKNOWN_MEMBERS: ('skip' | 'reject')?

  @description('What large changes of members write together, in entities a second, tenant and instance.')
  @minValue(1)
  @maxValue(2000)
  SCIM_MEMBER_WRITES_PER_SECOND: int?

  @description('How many rows a filter without an index may read.')
  @minValue(1)
  @maxValue(1000000)
  SCIM_SCAN_MAX_ROWS: int?

  @description('How long a filter without an index may take, in seconds.')
  @minValue(1)
  @maxValue(55)
  SCIM_SCAN_MAX_SECONDS: int?

  @description('How many days change rows are kept.')
  @minValue(30)
  @maxValue(36500)
  SCIM_HISTORY_DAYS: int?

  @description('How many days the provisioning log is kept; 0 writes none.')
  @minValue(0)
  @maxValue(400)
  SCIM_PROVISIONING_LOG_DAYS: int?

  @description('Whether the portal is served to whoever holds a setup link.')
  SCIM_PORTAL: ('off' | 'on')?

  @description('Whether events are sent to the webhook endpoints that are registered.')
  SCIM_WEBHOOKS: ('off' | 'on')?

  @description('The app role that staff have in the app registration.')
  @minLength(1)
  @maxLength(60)
  SCIM_PORTAL_STAFF_ROLE: string?

  @description('What the pages of the portal call your product.')
  @minLength(1)
  @maxLength(60)
  SCIM_PORTAL_PRODUCT: string?

  @description('The colour of links and buttons of the portal, as #1f5fbf.')
  @minLength(7)
  @maxLength(7)
  SCIM_PORTAL_COLOUR: string?

  @description('A PNG, JPEG or WebP file in the package, from the folder of the app on, that the pages of the portal show.')
  @minLength(1)
  @maxLength(260)
  SCIM_PORTAL_LOGO: string?

  @description('Hosts of your product, by commas, to which a setup link may lead back.')
  @minLength(1)
  @maxLength(2048)
  SCIM_PORTAL_RETURN_HOSTS: string?
}
