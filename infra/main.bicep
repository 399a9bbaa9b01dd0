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

@description('Address that alerts are mailed to.')
@minLength(6)
@maxLength(254)
param alertEmail string

@description('Object id of the user or group that may set secret tokens in the vault (Key Vault Secrets Officer); empty for nobody.')
@maxLength(36)
param tokenOfficerId string = ''

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

@description('What an update does to instances that run: Recreate restarts all at once and cuts off their requests; RollingUpdate lets them finish and replaces instances in batches (a preview of Azure).')
@allowed([
  'Recreate'
  'RollingUpdate'
])
param siteUpdateStrategy string = 'Recreate'

@description('Address space of a virtual network through which the app alone reaches storage and vault, /25 or larger, as 10.60.0.0/24; empty for public endpoints.')
@maxLength(18)
param privateNetwork string = ''

@description('Let only callers of the service tag AzureActiveDirectory in, which is where Microsoft Entra ID provisions from. Shuts out every other identity provider, and you.')
param onlyFromEntra bool = false

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Alert when a tenant, or every tenant, was not heard of for a day.')
param alertOnSilence bool = true

@description('Settings of the service that differ from their defaults, by name; settings.bicep lists them with their bounds.')
param settings serviceSettings = {}

// ---- names --------------------------------------------------------------------------------------

var suffix = uniqueString(resourceGroup().id, name)
var tableName = 'scim'

var isPrivate = !empty(privateNetwork)
// Cut here rather than in the module, so that an address space that is none is refused before
// anything is deployed. Flex Consumption needs a subnet of its own, and /26 leaves it room to scale
// out.
var appPrefix = isPrivate ? cidrSubnet(privateNetwork, 26, 0) : ''
var endpointPrefix = isPrivate ? cidrSubnet(privateNetwork, 27, 2) : ''

// App settings are strings.
var givenSettings = toObject(items(settings), setting => setting.key, setting => string(setting.value))

// The host holds a body whole before the service can ask for a token, so it refuses what the service
// would never read: anything over 4 MiB, or over 1 MiB more than the service is told to take.
var requestBodyLimit = max(4194304, (settings.?SCIM_MAX_BODY_BYTES ?? 0) + 1048576)

// ---- the bill of materials ----------------------------------------------------------------------

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${name}-${suffix}'
    applicationInsightsName: 'appi-${name}-${suffix}'
    location: location
    retentionDays: logRetentionDays
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    identityName: 'id-${name}-${suffix}'
    location: location
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  params: {
    accountName: 'sthost${suffix}'
    location: location
    // It holds no data of anybody, so another region would not help it; zones do.
    redundancy: endsWith(storageRedundancy, 'ZRS') ? 'Standard_ZRS' : 'Standard_LRS'
    isPrivate: isPrivate
  }
}

module identityStorage 'modules/identity-storage.bicep' = {
  name: 'identity-storage'
  params: {
    accountName: 'stscim${suffix}'
    location: location
    redundancy: storageRedundancy
    tableName: tableName
    isLocked: lockIdentities
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    vaultName: 'kv-scim-${suffix}'
    location: location
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    principalId: identity.outputs.principalId
    tokenOfficerId: tokenOfficerId
    hostStorageName: hostStorage.outputs.accountName
    identityStorageName: identityStorage.outputs.accountName
    tableName: tableName
    vaultName: vault.outputs.vaultName
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  name: 'network'
  params: {
    networkName: 'vnet-${name}-${suffix}'
    location: location
    addressSpace: privateNetwork
    appPrefix: appPrefix
    endpointPrefix: endpointPrefix
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (isPrivate) {
  name: 'private-endpoints'
  params: {
    location: location
    networkId: network.?outputs.networkId ?? ''
    subnetId: network.?outputs.endpointSubnetId ?? ''
    hostStorageId: hostStorage.outputs.accountId
    identityStorageId: identityStorage.outputs.accountId
    vaultId: vault.outputs.vaultId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    planName: 'plan-${name}-${suffix}'
    appName: 'func-${name}-${suffix}'
    location: location
    identityId: identity.outputs.identityId
    clientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.accountName
    packageContainerUrl: hostStorage.outputs.packageContainerUrl
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    tableEndpoint: identityStorage.outputs.tableEndpoint
    tableName: tableName
    vaultUrl: vault.outputs.vaultUrl
    requestBodyLimit: requestBodyLimit
    serviceSettings: givenSettings
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    perInstanceConcurrency: perInstanceConcurrency
    siteUpdateStrategy: siteUpdateStrategy
    subnetId: network.?outputs.appSubnetId ?? ''
    onlyFromEntra: onlyFromEntra
  }
  // An app that starts before it may read its package, its table or its vault fails until it is
  // restarted.
  dependsOn: [
    roles
    privateEndpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
    isSilenceAlerted: alertOnSilence
  }
}

module dashboard 'modules/dashboard.bicep' = {
  name: 'dashboard'
  params: {
    name: name
    location: location
    workspaceId: monitoring.outputs.workspaceId
  }
}

// ---- what to know afterwards --------------------------------------------------------------------

var tenantUrl = '${settings.?SCIM_BASE_URL ?? 'https://${app.outputs.hostName}'}/scim/v2'

@description('Name of the function app.')
output functionAppName string = app.outputs.appName

@description('Host name under which the app is reached.')
output functionAppHostName string = app.outputs.hostName

@description('What the customer\'s administrator enters as Tenant URL.')
output tenantUrl string = tenantUrl

@description('Vault that holds the secret tokens.')
output keyVaultName string = vault.outputs.vaultName

@description('Storage account that holds the identities.')
output identityStorageAccountName string = identityStorage.outputs.accountName

@description('The next command to type: publishes the code, draws the first secret token and tries the service. infra/deploy.sh has done so already.')
output nextCommand string = 'python3 infra/package_app.py app.zip && az functionapp deployment source config-zip --resource-group ${resourceGroup().name} --name ${app.outputs.appName} --src app.zip && infra/connect.sh --key-vault ${vault.outputs.vaultName} --tenant-url ${tenantUrl}'
