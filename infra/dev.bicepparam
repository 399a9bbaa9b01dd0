// For trying it out: the cheapest of everything, and nobody is woken at night.
using 'main.bicep'

param name = 'scim-dev'
param alertEmail = readEnvironmentVariable('SCIM_ALERT_EMAIL')
param alertWebhook = readEnvironmentVariable('SCIM_ALERT_WEBHOOK', '')
param tokenOfficerId = readEnvironmentVariable('SCIM_TOKEN_OFFICER_ID', '')

param storageRedundancy = 'Standard_LRS'
param lockIdentities = false
param vaultRetentionDays = 7
param maximumInstanceCount = 40
param logRetentionDays = 30
param storageLogs = 'changes'
param logDailyCapGB = 1
param alertOnSilence = false
