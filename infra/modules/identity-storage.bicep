// Storage of the identities: an account of its own with the one table, so that nothing else has a
// right to it.

param accountName string
param location string
param tags { *: string }
param redundancy string
param infrastructureEncryption bool
param tableName string
param isLocked bool
param isPrivate bool
param loggedCalls string
param workspaceId string

var loggedCategories = {
  all: [
    'StorageRead'
    'StorageWrite'
    'StorageDelete'
  ]
  changes: [
    'StorageWrite'
    'StorageDelete'
  ]
  none: []
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  // checkov:skip=CKV_AZURE_35:Denied with a private network (parameter); otherwise open to Microsoft Entra tokens alone
  // checkov:skip=CKV_AZURE_43:The name is a parameter; main.bicep makes it of lower-case letters and a hash, 19 characters
  // checkov:skip=CKV_AZURE_206:Redundancy is a parameter; three zones by default
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    isLocalUserEnabled: false
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: infrastructureEncryption
    }
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource identities 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = {
  parent: tables
  name: tableName
}

// Who read and changed the table. Keys of rows are ids and hashes, so these logs name no person.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tables
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    // All three are named, so that one which is no longer wanted is switched off.
    logs: [for category in loggedCategories.all: {
      category: category
      enabled: contains(loggedCategories[loggedCalls], category)
    }]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: account
  name: 'identities'
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the identities of every tenant. Table Storage keeps no deleted rows: what is deleted here is gone.'
  }
}

output tableEndpoint string = account.properties.primaryEndpoints.table
