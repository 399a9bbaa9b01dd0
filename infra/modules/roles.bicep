// Who may do what, each at the narrowest scope that works; the only file that knows ids of roles.

param identityName string
param tokenOfficerId string
param tokensByApi bool
param hostStorageName string
param hasWebhooks bool
param hintsQueueName string
param identityStorageName string
param tableName string
param tableRoleScope string
param vaultName string
param applicationInsightsName string

var roleIds = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
  'Key Vault Secrets Officer': 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: hostStorage
  name: 'default'
}

resource hints 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: hintsQueueName
}

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: '${hintsQueueName}-poison'
}

resource identityStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: identityStorageName
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' existing = {
  parent: identityStorage
  name: 'default'
}

resource identities 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' existing = {
  parent: tables
  name: tableName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

// An assignment is named after the identity rather than its principal, which is known only once it is
// there: a name that is known before shows in what-if.

// The host reads its package and creates containers of its own: keys, and for each timer its lease
// and its status.
resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, identity.id, roleIds['Storage Blob Data Owner'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Storage Blob Data Owner'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// The app sends hints and empties the queue of those that failed; the host, and what scales it, look
// how many wait, take them, and move those that failed. No role that is narrower does all of it.
resource hintMessages 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasWebhooks) {
  scope: hints
  name: guid(hints.id, identity.id, roleIds['Storage Queue Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Storage Queue Data Contributor'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource poisonMessages 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasWebhooks) {
  scope: poison
  name: guid(poison.id, identity.id, roleIds['Storage Queue Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Storage Queue Data Contributor'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// The account, although the app needs its one table alone: every change is a POST of /$batch, which
// is a request to the account, and nothing public says that a role on the table is enough for it. The
// account holds nothing else. Whoever has seen the narrower one work, by /readyz, may choose it.
resource identityRows 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (tableRoleScope == 'account') {
  scope: identityStorage
  name: guid(identityStorage.id, identity.id, roleIds['Storage Table Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Storage Table Data Contributor'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource identityRowsOfTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (tableRoleScope == 'table') {
  scope: identities
  name: guid(identities.id, identity.id, roleIds['Storage Table Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Storage Table Data Contributor'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// The vault, not a secret: the app lists secrets, which is how it knows its tenants.
resource vaultSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, roleIds['Key Vault Secrets User'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Key Vault Secrets User'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// The app adds versions of secrets and disables them; no built-in role that is narrower may do either.
// Reading stays with the role above, so that the service goes on when this one is taken away.
resource vaultWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (tokensByApi) {
  scope: vault
  name: guid(vault.id, identity.id, roleIds['Key Vault Secrets Officer'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Key Vault Secrets Officer'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Application Insights takes telemetry from this identity, because it takes no keys.
resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, identity.id, roleIds['Monitoring Metrics Publisher'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Monitoring Metrics Publisher'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// A person or a group that sets tokens; its type is left to Azure, which looks it up.
resource tokenOfficer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(tokenOfficerId)) {
  scope: vault
  name: guid(vault.id, tokenOfficerId, roleIds['Key Vault Secrets Officer'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Key Vault Secrets Officer'])
    principalId: tokenOfficerId
  }
}
