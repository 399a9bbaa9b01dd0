// The identity of the app: what it reaches storage, vault and monitoring with, instead of keys.

param identityName string
param location string
param tags { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: identityName
  location: location
  tags: tags
}

output identityId string = identity.id
output clientId string = identity.properties.clientId
