// The function app on its Flex Consumption plan. It holds no secret: everything it opens, it opens
// with its identity.

param planName string
param appName string
param location string
param tags { *: string }
param zoneRedundant bool
param identityId string
param clientId string
param hostBlobEndpoint string
// Empty without webhooks.
param hostQueueEndpoint string
param packageContainerUrl string
param applicationInsightsName string
param tableEndpoint string
param tableName string
param vaultUrl string
param requestBodyLimit int
param serviceSettings { *: string }
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyInstances int
param perInstanceConcurrency int
param subnetId string
param onlyFromEntra bool
param portalStaff string

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

// Settings of the service (shared/settings.py) that follow from what is deployed.
var deployedSettings = {
  AZURE_FUNCTIONS_ENVIRONMENT: 'Production'
  AZURE_CLIENT_ID: clientId
  KEY_VAULT_URL: vaultUrl
  TABLE_ENDPOINT: tableEndpoint
  TABLE_NAME: tableName
  SCIM_PORTAL_STAFF: portalStaff
}

// Settings of the Functions host. What Flex Consumption takes from functionAppConfig instead
// (runtime, version, package, build) is an error here. Worker processes and threads keep their
// defaults, one process and none of our functions in a thread (docs/performance.md). The storage is
// named by the addresses of its blobs, and of its queues where there are some: given the name of the
// account, the host asks for its tables too, where it has no role. OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID
// names the identity by which App Service authentication proves the app registration, so that there
// is no client secret (staff-sign-in.bicep); it is read where that is deployed.
var hostSettings = {
  AzureWebJobsStorage__blobServiceUri: hostBlobEndpoint
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  AzureWebJobsDisableHomepage: 'true'
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: string(requestBodyLimit)
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: clientId
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
}

var queueSettings = empty(hostQueueEndpoint) ? {} : {
  AzureWebJobsStorage__queueServiceUri: hostQueueEndpoint
}

var givenSettings = [for setting in items(union(hostSettings, queueSettings, deployedSettings, serviceSettings)): {
  name: setting.key
  value: setting.value
}]

// Known only while deploying, so it cannot be in the list above. Without local auth it opens
// nothing: it is an address.
var telemetrySettings = [
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    value: applicationInsights.properties.ConnectionString
  }
]

var entraOnly = [
  {
    name: 'microsoft-entra-id'
    tag: 'ServiceTag'
    ipAddress: 'AzureActiveDirectory'
    action: 'Allow'
    priority: 100
  }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    // checkov:skip=CKV_AZURE_225:A parameter: not every region offers it for Flex Consumption, and two instances are then always ready
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: appName
  location: location
  kind: 'functionapp,linux'
  tags: union(tags, {
    'azd-service-name': 'scim'
  })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // checkov:skip=CKV_AZURE_17:Identity providers present a bearer token, not a client certificate
    // checkov:skip=CKV_AZURE_222:Identity providers call from the internet; onlyFromEntra restricts them
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      // checkov:skip=CKV_AZURE_212:Instances that are always ready are a parameter of Flex Consumption, not of the site
      // checkov:skip=CKV_AZURE_213:Flex Consumption replaces instances by itself and has no health check to configure
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
        triggers: {
          http: {
            perInstanceConcurrency: perInstanceConcurrency
          }
        }
      }
    }
    siteConfig: {
      // checkov:skip=CKV_AZURE_78:Flex Consumption has no FTP and refuses ftpsState, and takes no password (below)
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      // The deployment site stays open for the package, which takes a Microsoft Entra token.
      scmIpSecurityRestrictionsUseMain: false
      ipSecurityRestrictions: onlyFromEntra ? entraOnly : []
      ipSecurityRestrictionsDefaultAction: onlyFromEntra ? 'Deny' : 'Allow'
      appSettings: concat(givenSettings, telemetrySettings)
    }
  }
}

// No passwords for deploying, only Microsoft Entra tokens.
resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output hostName string = app.properties.defaultHostName
