// Private endpoints of the two storage accounts and the vault, and the names under which the app and
// operators find them.

param location string
param tags { *: string }
param networkName string
param hostStorageName string
param hasWebhooks bool
param identityStorageName string
param vaultName string

var storageSuffix = environment().suffixes.storage
// '.vault.azure.net' is reached privately as 'vaultcore.azure.net'; other clouds likewise.
var vaultSuffix = replace(environment().suffixes.keyvaultDns, '.vault.', 'vaultcore.')

var targetsOfAll = [
  {
    endpoint: 'pe-${hostStorageName}'
    name: hostStorageName
    type: 'Microsoft.Storage/storageAccounts'
    groupId: 'blob'
    zone: 'privatelink.blob.${storageSuffix}'
  }
  {
    endpoint: 'pe-${identityStorageName}'
    name: identityStorageName
    type: 'Microsoft.Storage/storageAccounts'
    groupId: 'table'
    zone: 'privatelink.table.${storageSuffix}'
  }
  {
    endpoint: 'pe-${vaultName}'
    name: vaultName
    type: 'Microsoft.KeyVault/vaults'
    groupId: 'vault'
    zone: 'privatelink.${vaultSuffix}'
  }
]

var targetsOfWebhooks = [
  {
    endpoint: 'pe-${hostStorageName}-queue'
    name: hostStorageName
    type: 'Microsoft.Storage/storageAccounts'
    groupId: 'queue'
    zone: 'privatelink.queue.${storageSuffix}'
  }
]

var targets = concat(targetsOfAll, hasWebhooks ? targetsOfWebhooks : [])

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' existing = {
  name: networkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' existing = {
  parent: network
  name: 'endpoints'
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for target in targets: {
  name: target.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (target, index) in targets: {
  parent: zones[index]
  name: 'link-${networkName}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-09-01' = [for target in targets: {
  name: target.endpoint
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnet.id
    }
    privateLinkServiceConnections: [
      {
        name: target.name
        properties: {
          privateLinkServiceId: resourceId(target.type, target.name)
          groupIds: [
            target.groupId
          ]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [for (target, index) in targets: {
  parent: endpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: target.groupId
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]
