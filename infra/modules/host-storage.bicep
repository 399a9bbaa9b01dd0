// Storage of the Functions host: the package that runs, leases and status of timers, and with webhooks
// the queue of hints that changes are to be sent. Nothing of the identities: a hint names a tenant.

param accountName string
param location string
param tags { *: string }
param redundancy string
param infrastructureEncryption bool
param isPrivate bool
param hasWebhooks bool
param hintsQueueName string

var packageContainer = 'packages'

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

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: packageContainer
  properties: {
    publicAccess: 'None'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = if (hasWebhooks) {
  parent: account
  name: 'default'
}

resource hints 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = if (hasWebhooks) {
  parent: queues
  name: hintsQueueName
}

// Where the host puts a hint that failed each time it was tried. The host would make it, but the role
// of the app ends at its queues (roles.bicep).
resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = if (hasWebhooks) {
  parent: queues
  name: '${hintsQueueName}-poison'
}

output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}${packageContainer}'
