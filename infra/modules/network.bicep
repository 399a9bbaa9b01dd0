// A virtual network for the app's way to storage and vault, and for that of operators. Callers still
// come in from the internet, as an identity provider must.

param networkName string
param location string
param tags { *: string }
param addressSpace string
param appPrefix string
param endpointPrefix string
// Where operators are: a subnet of this network, addresses outside of it, both, or neither (empty).
param operatorsSubnetPrefix string
param operatorsAddresses string

var operatorsPrefixes = filter([operatorsSubnetPrefix, operatorsAddresses], prefix => !empty(prefix))

var appOverHttps = {
  name: 'app-over-https'
  properties: {
    priority: 100
    direction: 'Inbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefix: appPrefix
    sourcePortRange: '*'
    destinationAddressPrefix: endpointPrefix
    destinationPortRange: '443'
  }
}

var operatorsOverHttps = {
  name: 'operators-over-https'
  properties: {
    priority: 110
    direction: 'Inbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefixes: operatorsPrefixes
    sourcePortRange: '*'
    destinationAddressPrefix: endpointPrefix
    destinationPortRange: '443'
  }
}

var nobodyElse = {
  name: 'nobody-else'
  properties: {
    priority: 4096
    direction: 'Inbound'
    access: 'Deny'
    protocol: '*'
    sourceAddressPrefix: '*'
    sourcePortRange: '*'
    destinationAddressPrefix: '*'
    destinationPortRange: '*'
  }
}

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: 'nsg-endpoints-${networkName}'
  location: location
  tags: tags
  properties: {
    securityRules: concat([appOverHttps], empty(operatorsPrefixes) ? [] : [operatorsOverHttps], [nobodyElse])
  }
}

resource appRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: 'nsg-app-${networkName}'
  location: location
  tags: tags
}

// No rule of its own: nobody comes in from the internet by default, and what else operators open for
// themselves is theirs to add, in a group of rules of their own.
resource operatorsRules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = if (!empty(operatorsSubnetPrefix)) {
  name: 'nsg-operators-${networkName}'
  location: location
  tags: tags
}

// The way out, to Microsoft Entra ID and Application Insights: new subnets have none by themselves.
resource outboundAddress 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: 'pip-${networkName}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource outbound 'Microsoft.Network/natGateways@2025-09-01' = {
  name: 'nat-${networkName}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: outboundAddress.id
      }
    ]
  }
}

// Without the property `subnets`: a list here would take away every subnet that it does not name, and
// so what a deployer has added.
resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: networkName
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressSpace
      ]
    }
  }
}

// One after the other, because a network takes one change of its subnets at a time.
resource appSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = {
  parent: network
  name: 'app'
  properties: {
    addressPrefix: appPrefix
    defaultOutboundAccess: false
    natGateway: {
      id: outbound.id
    }
    networkSecurityGroup: {
      id: appRules.id
    }
    delegations: [
      {
        name: 'flex-consumption'
        properties: {
          serviceName: 'Microsoft.App/environments'
        }
      }
    ]
  }
}

resource endpointsSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = {
  parent: network
  name: 'endpoints'
  properties: {
    addressPrefix: endpointPrefix
    defaultOutboundAccess: false
    // Without this the rules do not apply to private endpoints.
    privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
    networkSecurityGroup: {
      id: endpointRules.id
    }
  }
  dependsOn: [
    appSubnet
  ]
}

resource operatorsSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = if (!empty(operatorsSubnetPrefix)) {
  parent: network
  name: 'operators'
  properties: {
    addressPrefix: operatorsSubnetPrefix
    defaultOutboundAccess: false
    natGateway: {
      id: outbound.id
    }
    networkSecurityGroup: {
      id: operatorsRules.id
    }
  }
  dependsOn: [
    endpointsSubnet
  ]
}

output appSubnetId string = appSubnet.id
