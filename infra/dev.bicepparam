// For trying it out: the cheapest of everything, and nobody is woken at night.
using 'main.bicep'

param name = 'scim-dev'
param alertEmail = readEnvironmentVariable('SCIM_ALERT_EMAIL')
param tokenOfficerId = readEnvironmentVariable('SCIM_TOKEN_OFFICER_ID', '')

param storageRedundancy = 'Standard_LRS'
param lockIdentities = false
param maximumInstanceCount = 40
param logRetentionDays = 30
param alertOnSilence = false
