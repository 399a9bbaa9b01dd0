// The health of provisioning on one page: a workbook over the request log.

param name string
param location string
param tags { *: string }
param workspaceId string

var requests = loadTextContent('../queries/requests.kql')

// `view` is how Azure Monitor draws what a search finds.
var panels = [
  {
    title: 'Tenants'
    query: '${requests}${loadTextContent('../queries/dashboard/tenants.kql')}'
    view: 'table'
  }
  {
    title: 'Answers by class of status'
    query: '${requests}${loadTextContent('../queries/dashboard/answers.kql')}'
    view: 'timechart'
  }
  {
    title: 'Refused requests'
    query: '${requests}${loadTextContent('../queries/dashboard/refusals.kql')}'
    view: 'table'
  }
  {
    title: 'Time to answer (ms)'
    query: '${requests}${loadTextContent('../queries/dashboard/latency.kql')}'
    view: 'timechart'
  }
  {
    title: 'Endpoints and what they cost'
    query: '${requests}${loadTextContent('../queries/dashboard/endpoints.kql')}'
    view: 'table'
  }
  {
    title: 'Entities written a second'
    query: '${requests}${loadTextContent('../queries/dashboard/writes.kql')}'
    view: 'timechart'
  }
  {
    title: 'Tokens in use'
    query: '${requests}${loadTextContent('../queries/dashboard/tokens.kql')}'
    view: 'table'
  }
  {
    title: 'Warnings and errors'
    query: loadTextContent('../queries/dashboard/warnings.kql')
    view: 'table'
  }
]

var timeRange = {
  type: 9
  name: 'time'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid(workspaceId, 'time')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time'
        type: 4
        isRequired: true
        value: {
          durationMs: 86400000
        }
        typeSettings: {
          allowCustom: true
          selectableValues: [
            {
              durationMs: 3600000
            }
            {
              durationMs: 86400000
            }
            {
              durationMs: 604800000
            }
            {
              durationMs: 2592000000
            }
          ]
        }
      }
    ]
  }
}

var searches = [for panel in panels: {
  type: 3
  name: panel.title
  content: {
    version: 'KqlItem/1.0'
    title: panel.title
    query: panel.query
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    crossComponentResources: [
      workspaceId
    ]
    timeContextFromParameter: 'TimeRange'
    timeContext: {
      durationMs: 0
    }
    visualization: panel.view
    size: 0
    showExportToExcel: panel.view == 'table'
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name, 'provisioning-health')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: '${name}: provisioning health'
    description: 'What identity providers do, what is refused, and what it costs.'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], searches)
      fallbackResourceIds: [
        workspaceId
      ]
    })
  }
}
