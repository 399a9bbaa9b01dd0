// The service in Azure: one function app, the table that holds identities, the vault that holds
// secret tokens, and what an operator watches them with. docs/infrastructure.md describes it; `make
// infra-check` checks it.

import { serviceSettings } from 'settings.bicep'

// ---- what may differ from one deployment to another ---------------------------------------------

@description('Short name of the deployment; names of resources begin with it and end in a hash of it and the resource group.')
@minLength(2)
@maxLength(20)
param name string

@description('Azure region of every resource; it must offer Flex Consumption with Python 3.13.')
@minLength(4)
@maxLength(40)
param location string = resourceGroup().location

@description('Tags of every resource, as { costCenter: \'4711\' }.')
param tags { *: string } = {}

@description('Address that alerts are mailed to; that of a Teams channel is one too.')
@minLength(6)
@maxLength(254)
param alertEmail string

@description('Address that alerts are posted to as well, in the common alert schema: a workflow of Teams, a pager; empty for none.')
@secure()
@maxLength(2048)
param alertWebhook string = ''

@description('Where docs/ can be read, as https://github.com/contoso/scim/blob/main/docs, so that an alert links to its part of the runbook; empty to name the file.')
@maxLength(500)
param docsUrl string = ''

@description('Object id of the user or group that may set secret tokens in the vault (Key Vault Secrets Officer); empty for nobody.')
@maxLength(36)
param tokenOfficerId string = ''

@description('Let the app write to the vault too (Key Vault Secrets Officer), so that /api/v1 draws and revokes tokens, and creates and closes tenants.')
param tokensByApi bool = false

@description('Client id of the app registration, in the directory of the subscription, by which your staff sign in to the portal of every tenant, as docs/portal.md makes it; empty for no such sign-in.')
@maxLength(36)
param portalStaffClientId string = ''

@description('Copies of the identities: in one datacenter (LRS), three zones (ZRS), or a second region too (GRS, GZRS; RA: readable there).')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_RAGRS'
  'Standard_GZRS'
  'Standard_RAGZRS'
])
param storageRedundancy string = 'Standard_ZRS'

@description('Lock the storage account of the identities against deletion; a person has to remove the lock first.')
param lockIdentities bool = true

@description('Encrypt what both storage accounts hold twice, with two keys of Azure. Cannot be changed once they exist: false for accounts that were made without it.')
param infrastructureEncryption bool = true

@description('What the app has its role on for the identities: their storage account, or the one table in it.')
@allowed([
  'account'
  'table'
])
param tableRoleScope string = 'account'

@description('Days in which a deleted vault and its secrets can be recovered, and its name is taken. Cannot be changed once the vault exists.')
@minValue(7)
@maxValue(90)
param vaultRetentionDays int = 90

@description('Spread instances over the zones of the region, and the storage of the host too. Azure then keeps two instances ready and bills them.')
param zoneRedundant bool = false

@description('Memory of an instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('The most instances that run at once.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Instances kept ready for HTTP, so that the first request after a pause waits for no cold start; billed while idle.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Requests that one instance serves at once; one more starts another instance. 16 keep the core of 2048 MB busy while they wait for storage. At most maxConcurrentRequests of host.json.')
@minValue(1)
@maxValue(40)
param perInstanceConcurrency int = 16

@description('Address space of a virtual network through which the app reaches storage and vault, and nobody else but operators, /25 or larger, as 10.60.0.0/24; empty for public endpoints.')
@maxLength(18)
param privateNetwork string = ''

@description('With privateNetwork: make a subnet in it for machines from which people and pipelines set tokens and run infra/connect.sh.')
param operatorsSubnet bool = false

@description('With privateNetwork: addresses outside of it, as 10.1.0.0/24, from which people and pipelines reach storage and vault, over a peering or a VPN; empty for none.')
@maxLength(18)
param operatorsPrefix string = ''

@description('Let only callers of the service tag AzureActiveDirectory in, which is where Microsoft Entra ID provisions from. Shuts out every other identity provider, and you.')
param onlyFromEntra bool = false

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Calls of the table that are logged: all, changes alone, or none. Reads are most of them (docs/cost.md).')
@allowed([
  'all'
  'changes'
  'none'
])
param storageLogs string = 'all'

@description('Gigabytes of logs that are taken in a day; the rest of the day is lost to the log, and to the alerts that search it. 0 for no cap.')
@minValue(0)
@maxValue(1000)
param logDailyCapGB int = 0

@description('Alert when a tenant, or every tenant, was not heard of for a day.')
param alertOnSilence bool = true

@description('Settings of the service that differ from their defaults, by name; settings.bicep lists them with their bounds.')
param settings serviceSettings = {}

// ---- names --------------------------------------------------------------------------------------

var suffix = uniqueString(resourceGroup().id, name)
var tableName = 'scim'
var hintsQueueName = 'change-hints'

// Known before anything is deployed, so that what-if sees all that is named after them. A module that
// names resources takes these, and no outputs of others.
var names = {
  workspace: 'log-${name}-${suffix}'
  applicationInsights: 'appi-${name}-${suffix}'
  identity: 'id-${name}-${suffix}'
  hostStorage: 'sthost${suffix}'
  identityStorage: 'stscim${suffix}'
  vault: 'kv-scim-${suffix}'
  network: 'vnet-${name}-${suffix}'
  plan: 'plan-${name}-${suffix}'
  app: 'func-${name}-${suffix}'
}

var hasStaffSignIn = !empty(portalStaffClientId)
var isPrivate = !empty(privateNetwork)
// Cut here rather than in the module, so that an address space that is none is refused before
// anything is deployed. Flex Consumption needs a subnet of its own, and /26 leaves it room to scale
// out.
var appPrefix = isPrivate ? cidrSubnet(privateNetwork, 26, 0) : ''
var endpointPrefix = isPrivate ? cidrSubnet(privateNetwork, 27, 2) : ''
var operatorsSubnetPrefix = isPrivate && operatorsSubnet ? cidrSubnet(privateNetwork, 27, 3) : ''
var operatorsAddresses = empty(operatorsPrefix) ? '' : '${parseCidr(operatorsPrefix).network}/${parseCidr(operatorsPrefix).cidr}'

// Webhooks need a queue beside the blobs of the host, and the app a role on it.
var hasWebhooks = (settings.?SCIM_WEBHOOKS ?? 'off') == 'on'

// App settings are strings.
var givenSettings = toObject(items(settings), setting => setting.key, setting => string(setting.value))

// The host holds a body whole before the service can ask for a token, so it refuses what the service
// would never read: anything over 4 MiB, or over 1 MiB more than the service is told to take.
var requestBodyLimit = max(4194304, (settings.?SCIM_MAX_BODY_BYTES ?? 0) + 1048576)

// ---- the bill of materials ----------------------------------------------------------------------

module monitoring 'modules/monitoring.bicep' = {
  params: {
    workspaceName: names.workspace
    applicationInsightsName: names.applicationInsights
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyCapGB: logDailyCapGB
  }
}

module identity 'modules/identity.bicep' = {
  params: {
    identityName: names.identity
    location: location
    tags: tags
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  params: {
    accountName: names.hostStorage
    location: location
    tags: tags
    // It holds no data of anybody, so another region would not help it; zones do, and without them
    // instances in other zones would not survive its own.
    redundancy: zoneRedundant || endsWith(storageRedundancy, 'ZRS') ? 'Standard_ZRS' : 'Standard_LRS'
    infrastructureEncryption: infrastructureEncryption
    isPrivate: isPrivate
    hasWebhooks: hasWebhooks
    hintsQueueName: hintsQueueName
  }
}

module identityStorage 'modules/identity-storage.bicep' = {
  params: {
    accountName: names.identityStorage
    location: location
    tags: tags
    redundancy: storageRedundancy
    infrastructureEncryption: infrastructureEncryption
    tableName: tableName
    isLocked: lockIdentities
    isPrivate: isPrivate
    loggedCalls: storageLogs
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  params: {
    vaultName: names.vault
    location: location
    tags: tags
    retentionDays: vaultRetentionDays
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'modules/roles.bicep' = {
  params: {
    identityName: names.identity
    tokenOfficerId: tokenOfficerId
    tokensByApi: tokensByApi
    hostStorageName: names.hostStorage
    hasWebhooks: hasWebhooks
    hintsQueueName: hintsQueueName
    identityStorageName: names.identityStorage
    tableName: tableName
    tableRoleScope: tableRoleScope
    vaultName: names.vault
    applicationInsightsName: names.applicationInsights
  }
  dependsOn: [
    identity
    hostStorage
    identityStorage
    vault
    monitoring
  ]
}

module network 'modules/network.bicep' = if (isPrivate) {
  params: {
    networkName: names.network
    location: location
    tags: tags
    addressSpace: privateNetwork
    appPrefix: appPrefix
    endpointPrefix: endpointPrefix
    operatorsSubnetPrefix: operatorsSubnetPrefix
    operatorsAddresses: operatorsAddresses
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (isPrivate) {
  params: {
    location: location
    tags: tags
    networkName: names.network
    hostStorageName: names.hostStorage
    hasWebhooks: hasWebhooks
    identityStorageName: names.identityStorage
    vaultName: names.vault
  }
  dependsOn: [
    network
    hostStorage
    identityStorage
    vault
  ]
}

module app 'modules/app.bicep' = {
  params: {
    planName: names.plan
    appName: names.app
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    identityId: identity.outputs.identityId
    clientId: identity.outputs.clientId
    hostBlobEndpoint: hostStorage.outputs.blobEndpoint
    hostQueueEndpoint: hasWebhooks ? hostStorage.outputs.queueEndpoint : ''
    packageContainerUrl: hostStorage.outputs.packageContainerUrl
    applicationInsightsName: names.applicationInsights
    tableEndpoint: identityStorage.outputs.tableEndpoint
    tableName: tableName
    vaultUrl: vault.outputs.vaultUrl
    requestBodyLimit: requestBodyLimit
    serviceSettings: givenSettings
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    perInstanceConcurrency: perInstanceConcurrency
    subnetId: network.?outputs.appSubnetId ?? ''
    onlyFromEntra: onlyFromEntra
    portalStaff: hasStaffSignIn ? 'entra' : 'off'
  }
  // An app that starts before it may read its package, its table or its vault fails until it is
  // restarted.
  dependsOn: [
    roles
    privateEndpoints
  ]
}

module staffSignIn 'modules/staff-sign-in.bicep' = if (hasStaffSignIn) {
  params: {
    appName: names.app
    clientId: portalStaffClientId
    issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
    isBehindGateway: contains(settings, 'SCIM_BASE_URL')
  }
  dependsOn: [
    app
  ]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
    webhook: alertWebhook
    docsUrl: docsUrl
    isSilenceAlerted: alertOnSilence
    isLogCapped: logDailyCapGB > 0
  }
}

module dashboard 'modules/dashboard.bicep' = {
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// ---- what to know afterwards --------------------------------------------------------------------

var tenantUrl = '${settings.?SCIM_BASE_URL ?? 'https://${app.outputs.hostName}'}/scim/v2'

@description('Name of the function app.')
output functionAppName string = names.app

@description('Host name under which the app is reached.')
output functionAppHostName string = app.outputs.hostName

@description('What the customer\'s administrator enters as Tenant URL.')
output tenantUrl string = tenantUrl

@description('Vault that holds the secret tokens.')
output keyVaultName string = names.vault

@description('Storage account that holds the identities.')
output identityStorageAccountName string = names.identityStorage

@description('The next command to type: publishes the code, draws the first secret token and tries the service. infra/deploy.sh has done so already.')
output nextCommand string = 'python3 infra/package_app.py app.zip && az functionapp deployment source config-zip --resource-group ${resourceGroup().name} --name ${names.app} --src app.zip && infra/connect.sh --key-vault ${names.vault} --tenant-url ${tenantUrl}'
