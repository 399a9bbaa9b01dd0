// What an operator is woken for: searches in the log, mailed by one action group, and posted too where a
// webhook is given.

param name string
param location string
param tags { *: string }
param workspaceId string
param email string
@secure()
param webhook string
param docsUrl string
param isSilenceAlerted bool
param isLogCapped bool

var runbook = empty(docsUrl) ? 'docs/operate.md' : '${docsUrl}/operate.md'

// The columns of the service's request log, which the searches below begin with.
var requests = loadTextContent('../queries/requests.kql')

// `isStateful`: the alert closes when the search finds nothing any more. Otherwise it stays until a
// person closes it, and is mailed once a day at most. `dimension`: a column by which the alert is
// told apart.
var searches = [
  {
    name: 'server-errors'
    title: 'Requests of known callers are answered 5xx'
    query: '${requests}${loadTextContent('../queries/alerts/server-errors.kql')}'
    severity: 1
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: ''
    enabled: true
  }
  {
    name: 'unauthorized'
    title: 'Many requests carry no valid token'
    query: '${requests}${loadTextContent('../queries/alerts/unauthorized.kql')}'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: ''
    enabled: true
  }
  {
    name: 'storage-throttling'
    title: 'Table Storage throttles'
    query: '${requests}${loadTextContent('../queries/alerts/storage-throttling.kql')}'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: ''
    enabled: true
  }
  {
    name: 'rate-limit'
    title: 'A tenant sends more requests than its rate limit allows'
    query: '${requests}${loadTextContent('../queries/alerts/rate-limit.kql')}'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: 'tenant'
    enabled: true
  }
  {
    name: 'refusals'
    title: 'More requests of a tenant are refused than before'
    query: '${requests}${loadTextContent('../queries/alerts/refusals.kql')}'
    severity: 2
    window: 'PT6H'
    every: 'PT15M'
    isStateful: true
    dimension: 'tenant'
    enabled: true
  }
  {
    name: 'host-refusals'
    title: 'Instances refuse requests before the service sees them'
    query: loadTextContent('../queries/alerts/host-refusals.kql')
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: ''
    enabled: true
  }
  {
    name: 'vault-failures'
    title: 'Secret tokens cannot be read from Key Vault'
    query: loadTextContent('../queries/alerts/vault-failures.kql')
    severity: 1
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: ''
    enabled: true
  }
  {
    name: 'token-expiry'
    title: 'A secret token expires within 30 days'
    query: loadTextContent('../queries/alerts/token-expiry.kql')
    severity: 2
    window: 'P1D'
    every: 'PT6H'
    isStateful: false
    dimension: 'token'
    enabled: true
  }
  {
    name: 'guard'
    title: 'Many users of a tenant were removed within an hour'
    query: loadTextContent('../queries/alerts/guard.kql')
    severity: 1
    window: 'PT15M'
    every: 'PT5M'
    isStateful: true
    dimension: 'tenant'
    enabled: true
  }
  {
    name: 'silence'
    title: 'An identity provider was not heard of for a day'
    query: '${requests}${loadTextContent('../queries/alerts/silence.kql')}'
    severity: 2
    window: 'P2D'
    every: 'PT6H'
    isStateful: false
    dimension: 'tenant'
    enabled: isSilenceAlerted
  }
  {
    name: 'log-cap'
    title: 'The log is full for today'
    query: loadTextContent('../queries/alerts/log-cap.kql')
    severity: 2
    window: 'P1D'
    every: 'PT1H'
    isStateful: false
    dimension: ''
    enabled: isLogCapped
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: take(name, 12)
    enabled: true
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: empty(webhook) ? [] : [
      {
        name: 'webhook'
        serviceUri: webhook
        useCommonAlertSchema: true
      }
    ]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for search in searches: {
  name: '${name}-${search.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${search.title}'
    description: '${search.title}. Cause and remedy: ${runbook}#${search.name}'
    severity: search.severity
    enabled: search.enabled
    scopes: [
      workspaceId
    ]
    evaluationFrequency: search.every
    windowSize: search.window
    criteria: {
      allOf: [
        {
          query: search.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: empty(search.dimension) ? [] : [
            {
              name: search.dimension
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: search.isStateful
    muteActionsDuration: search.isStateful ? null : 'P1D'
    // A new workspace may not know a table before its first row, which is no reason to refuse the
    // rule.
    skipQueryValidation: true
    actions: {
      actionGroups: [
        operators.id
      ]
      // In the mail and in what is posted.
      customProperties: {
        runbook: '${runbook}#${search.name}'
      }
    }
  }
}]
