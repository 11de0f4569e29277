"""This file is what we ask Shopify, in GraphQL. Every document is valid under the schema of `VERSION`.

Shopify counts what a query could return at most, so every list is as short as it can be: a look costs about 400 points
of a bucket of 1,000 or more. What webhooks leave out (`ReadWork`) costs a tenth of that.
"""

from connectors.shopify.action_documents import QUESTIONS

VERSION = "2026-10"

_MONEY = "shopMoney { amount currencyCode }"

_ORDER = f"""
fragment OrderFacts on Order {{
  id
  name
  createdAt
  updatedAt
  cancelledAt
  cancelReason
  closedAt
  test
  tags
  sourceName
  app {{ name }}
  displayFinancialStatus
  displayFulfillmentStatus
  email
  phone
  totalPriceSet {{ {_MONEY} }}
  customAttributes {{ key value }}
  customer {{
    id
    firstName
    lastName
    numberOfOrders
    amountSpent {{ amount currencyCode }}
    tags
    defaultEmailAddress {{ emailAddress }}
    defaultPhoneNumber {{ phoneNumber }}
  }}
  shippingAddress {{ city provinceCode countryCodeV2 zip validationResultSummary }}
  shippingLine {{ title }}
}}
"""

_WORK = """
fragment Work on Order {
  fulfillmentOrders(first: 5) @include(if: $fulfillmentOrders) {
    nodes {
      id
      status
      requestStatus
      updatedAt
      fulfillBy
      fulfillmentHolds { reason reasonNotes }
      assignedLocation { name city province countryCode zip }
      deliveryMethod { maxDeliveryDateTime }
    }
  }
  returns(first: 3, reverse: true) @include(if: $returns) {
    nodes {
      id
      status
      createdAt
      returnLineItems(first: 1) {
        nodes { customerNote returnReasonNote returnReasonDefinition { name } }
      }
    }
  }
}
"""

READ_ORDER = f"""
query ReadOrder($id: ID!, $fulfillmentOrders: Boolean!, $disputes: Boolean!, $returns: Boolean!) {{
  order(id: $id) {{
    ...OrderFacts
    lineItems(first: 30) {{
      pageInfo {{ hasNextPage }}
      nodes {{
        id
        title
        sku
        quantity
        refundableQuantity
        unfulfilledQuantity
        requiresShipping
        originalUnitPriceSet {{ {_MONEY} }}
      }}
    }}
    fulfillments(first: 5) {{
      id
      status
      displayStatus
      createdAt
      updatedAt
      deliveredAt
      estimatedDeliveryAt
      trackingInfo(first: 3) {{ company number url }}
      events(first: 20, sortKey: HAPPENED_AT, reverse: true) {{
        nodes {{ id status happenedAt message city province country zip }}
      }}
      fulfillmentLineItems(first: 8) {{ nodes {{ quantity lineItem {{ id title sku }} }} }}
    }}
    ...Work
    transactionsCount {{ count }}
    transactions(first: 15) {{
      id
      kind
      status
      errorCode
      gateway
      createdAt
      processedAt
      paymentId
      receiptJson
      parentTransaction {{ id }}
      amountSet {{ {_MONEY} }}
      maximumRefundableV2 {{ amount currencyCode }}
      paymentDetails {{
        __typename
        ... on CardPaymentDetails {{ company number wallet }}
        ... on LocalPaymentMethodsPaymentDetails {{ paymentMethodName }}
        ... on PaypalWalletPaymentDetails {{ paymentMethodName }}
        ... on ShopPayInstallmentsPaymentDetails {{ paymentMethodName }}
      }}
    }}
    disputes @include(if: $disputes) {{ id status initiatedAs }}
  }}
}}
{_ORDER}
{_WORK}
"""

READ_WORK = f"""
query ReadWork($id: ID!, $fulfillmentOrders: Boolean!, $returns: Boolean!) {{
  order(id: $id) {{
    id
    shippingAddress {{ validationResultSummary }}
    ...Work
  }}
}}
{_WORK}
"""

FIND_ORDERS = f"""
query FindOrders($query: String!) {{
  orders(first: 10, query: $query, sortKey: CREATED_AT, reverse: true) {{ nodes {{ ...OrderFacts }} }}
}}
{_ORDER}
"""

CHECK = """
query Check {
  shop { name myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}
"""

DOCUMENTS = {
    "ReadOrder": READ_ORDER,
    "ReadWork": READ_WORK,
    "FindOrders": FIND_ORDERS,
    "Check": CHECK,
    **QUESTIONS,
}
