// How the vendor's staff sign in to the portal: App Service authentication with Microsoft Entra ID. It
// turns nobody away by itself. The service asks for the app role, and believes what the platform says
// of a person only where SCIM_PORTAL_STAFF is `entra`, which goes with this module.

param appName string
param clientId string
param issuer string
param isBehindGateway bool

// Which paths it leaves alone, so that no bearer token of an identity provider or of the product is
// looked at by anything but the service. None of them may lead to a page of staff: whoever is not
// looked at by the platform could send its headers.
var excludedPaths = [
  '/scim/*'
  '/tenants/*'
  '/api/*'
  '/.well-known/*'
  '/healthz'
  '/readyz'
  '/openapi.json'
]

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  // checkov:skip=CKV_AZURE_13:Asked of the site; this resource is the sign-in that it looks for
  // checkov:skip=CKV_AZURE_63:Asked of the configuration web; logs of Flex Consumption go to Application Insights
  // checkov:skip=CKV_AZURE_65:Asked of the configuration web; logs of Flex Consumption go to Application Insights
  // checkov:skip=CKV_AZURE_66:Asked of the configuration web; logs of Flex Consumption go to Application Insights
  // checkov:skip=CKV_AZURE_80:Asked of the configuration web; there is no .NET in an app in Python
  // checkov:skip=CKV_AZURE_88:Asked of the configuration web; Flex Consumption takes its package from a container
  // checkov:skip=CKV_AZURE_222:Asked of the site; identity providers call from the internet, onlyFromEntra restricts them
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
      excludedPaths: excludedPaths
    }
    httpSettings: {
      requireHttps: true
      forwardProxy: {
        convention: isBehindGateway ? 'Standard' : 'NoProxy'
      }
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: issuer
          clientId: clientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        validation: {
          allowedAudiences: [
            clientId
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: [
              clientId
            ]
          }
        }
      }
    }
    login: {
      allowedExternalRedirectUrls: []
      preserveUrlFragmentsForLogins: false
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '08:00:00'
      }
      nonce: {
        validateNonce: true
      }
      tokenStore: {
        enabled: false
      }
    }
  }
}
