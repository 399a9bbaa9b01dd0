// For customers: identities in three zones and locked, an instance always ready.
using 'main.bicep'

param name = 'scim-prod'
param alertEmail = readEnvironmentVariable('SCIM_ALERT_EMAIL')
param alertWebhook = readEnvironmentVariable('SCIM_ALERT_WEBHOOK', '')
param tokenOfficerId = readEnvironmentVariable('SCIM_TOKEN_OFFICER_ID', '')

param storageRedundancy = 'Standard_ZRS'
param lockIdentities = true
param vaultRetentionDays = 90
param instanceMemoryMB = 2048
param maximumInstanceCount = 100
param alwaysReadyInstances = 1
param perInstanceConcurrency = 16
param logRetentionDays = 90
param storageLogs = 'all'
param alertOnSilence = true

// Worth a thought: what docs/infrastructure.md says of each.
// param tags = {
//   environment: 'prod'
// }
// param docsUrl = 'https://github.com/contoso/scim/blob/main/docs'
// param zoneRedundant = true
// param privateNetwork = '10.60.0.0/24'
// param operatorsSubnet = true
// param onlyFromEntra = true
// param settings = {
//   SCIM_UNKNOWN_MEMBERS: 'reject'
// }
