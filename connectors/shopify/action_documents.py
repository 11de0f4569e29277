"""This file is what we send Shopify to have something done, and what we ask it before and afterwards, in GraphQL.

Every document is valid under the schema of `documents.VERSION`. What each mutation takes, allows and answers is from
that schema's own descriptions. Only `refundCreate` has an idempotency key (required from 2026-04 on, kept for 24 hours:
https://shopify.dev/docs/api/usage/implementing-idempotency); the others are found again by what they leave behind.
"""

MOST_PARTS = 10
"""Fulfilment orders of one order that are held or released with one request."""

_MONEY = "shopMoney { amount currencyCode }"
_SCOPES = "currentAppInstallation { accessScopes { handle } }"
_PROBLEMS = "userErrors { field message }"
_CODED_PROBLEMS = "userErrors { field message code }"

_REFUND = f"""
fragment RefundFacts on Refund {{
  id
  note
  createdAt
  totalRefundedSet {{ {_MONEY} }}
  transactions(first: 4) {{ nodes {{ id status errorCode amountSet {{ {_MONEY} }} }} }}
}}
"""

_ADDRESS = """
fragment AddressFacts on MailingAddress {
  firstName
  lastName
  address1
  address2
  city
  provinceCode
  countryCodeV2
  zip
  phone
}
"""

_JOB = """
fragment JobFacts on OrderCancelJobResult {
  id
  done
  status
  errors { message }
}
"""

REFUND_ORDER = f"""
mutation RefundOrder($input: RefundInput!, $key: String!) {{
  refundCreate(input: $input) @idempotent(key: $key) {{
    refund {{ ...RefundFacts }}
    {_PROBLEMS}
  }}
}}
{_REFUND}
"""

CANCEL_ORDER = f"""
mutation CancelOrder(
  $id: ID!
  $reason: OrderCancelReason!
  $refund: OrderCancelRefundMethodInput!
  $restock: Boolean!
  $notify: Boolean!
  $note: String!
) {{
  orderCancel(
    orderId: $id
    reason: $reason
    refundMethod: $refund
    restock: $restock
    notifyCustomer: $notify
    staffNote: $note
  ) {{
    jobResult {{ ...JobFacts }}
    orderCancelUserErrors {{ field message code }}
  }}
}}
{_JOB}
"""

CHANGE_ADDRESS = f"""
mutation ChangeAddress($input: OrderInput!) {{
  orderUpdate(input: $input) {{
    order {{ id displayFulfillmentStatus }}
    {_PROBLEMS}
  }}
}}
"""

CREDIT_CUSTOMER = f"""
mutation CreditCustomer($id: ID!, $credit: StoreCreditAccountCreditInput!) {{
  storeCreditAccountCredit(id: $id, creditInput: $credit) {{
    storeCreditAccountTransaction {{ id createdAt event amount {{ amount currencyCode }} }}
    {_CODED_PROBLEMS}
  }}
}}
"""


def hold_order(parts: int) -> str:
    """The mutation that puts so many fulfilment orders on hold, one after the other."""
    names = " ".join(f"$id{n}: ID!" for n in range(parts))
    each = "\n".join(
        f"  part{n}: fulfillmentOrderHold(id: $id{n}, fulfillmentHold: $hold) {{ "
        f"fulfillmentOrder {{ id status }} {_CODED_PROBLEMS} }}"
        for n in range(parts)
    )
    return f"mutation HoldOrder($hold: FulfillmentOrderHoldInput! {names}) {{\n{each}\n}}\n"


def release_order(name: str, parts: int) -> str:
    """The mutation called *name* that lifts the given holds of so many fulfilment orders, one after the other."""
    names = " ".join(f"$id{n}: ID! $holds{n}: [ID!]!" for n in range(parts))
    each = "\n".join(
        f"  part{n}: fulfillmentOrderReleaseHold(id: $id{n}, holdIds: $holds{n}, externalId: $key) {{ "
        f"fulfillmentOrder {{ id status }} {_CODED_PROBLEMS} }}"
        for n in range(parts)
    )
    return f"mutation {name}($key: String! {names}) {{\n{each}\n}}\n"


READ_REFUNDABLE = f"""
query ReadRefundable($id: ID!, $items: [RefundLineItemInput!], $full: Boolean!) {{
  {_SCOPES}
  order(id: $id) {{
    id
    currencyCode
    presentmentCurrencyCode
    lineItems(first: 50) {{ nodes {{ id title refundableQuantity unfulfilledQuantity }} }}
    suggestedRefund(refundLineItems: $items, suggestFullRefund: $full) {{
      amountSet {{ {_MONEY} }}
      maximumRefundableSet {{ {_MONEY} }}
      refundLineItems {{ quantity restockType location {{ id }} lineItem {{ id }} }}
      suggestedTransactions {{
        gateway
        amountSet {{ {_MONEY} }}
        maximumRefundableSet {{ {_MONEY} }}
        parentTransaction {{ id paymentId receiptJson parentTransaction {{ id }} }}
      }}
    }}
  }}
}}
"""

READ_CANCELLABLE = f"""
query ReadCancellable($id: ID!) {{
  {_SCOPES}
  order(id: $id) {{
    id
    cancelledAt
    fulfillments(first: 10) {{ id status }}
    returnStatus
    suggestedRefund(suggestFullRefund: true) {{ maximumRefundableSet {{ {_MONEY} }} }}
  }}
}}
"""

READ_CANCELLATION = """
query ReadCancellation($id: ID!) {
  order(id: $id) {
    id
    cancelledAt
    cancellation { staffNote }
  }
}
"""

READ_CANCEL_JOB = f"""
query ReadCancelJob($id: ID!) {{
  node(id: $id) {{ __typename ...JobFacts }}
}}
{_JOB}
"""

READ_ADDRESS = f"""
query ReadAddress($id: ID!) {{
  {_SCOPES}
  order(id: $id) {{
    id
    cancelledAt
    displayFulfillmentStatus
    shippingAddress {{ ...AddressFacts }}
  }}
}}
{_ADDRESS}
"""

READ_HOLDS = f"""
query ReadHolds($id: ID!) {{
  {_SCOPES}
  order(id: $id) {{
    id
    cancelledAt
    fulfillmentOrders(first: {MOST_PARTS}) {{
      pageInfo {{ hasNextPage }}
      nodes {{
        id
        status
        supportedActions {{ action }}
        fulfillmentHolds {{ id handle reason reasonNotes }}
      }}
    }}
  }}
}}
"""

READ_PARTS = """
query ReadParts($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on FulfillmentOrder { id status fulfillmentHolds { id handle reason reasonNotes } }
  }
}
"""

READ_REFUNDS = f"""
query ReadRefunds($id: ID!) {{
  order(id: $id) {{
    id
    refunds(first: 25) {{ ...RefundFacts }}
  }}
}}
{_REFUND}
"""

READ_CREDITS = f"""
query ReadCredits($id: ID!) {{
  {_SCOPES}
  customer(id: $id) {{
    id
    storeCreditAccounts(first: 5) {{
      nodes {{
        id
        balance {{ amount currencyCode }}
        transactions(first: 20, sortKey: CREATED_AT, reverse: true) {{
          pageInfo {{ hasNextPage }}
          nodes {{
            __typename
            createdAt
            event
            amount {{ amount currencyCode }}
            ... on StoreCreditAccountCreditTransaction {{ id }}
          }}
        }}
      }}
    }}
  }}
}}
"""

QUESTIONS = {
    "ReadRefundable": READ_REFUNDABLE,
    "ReadCancellable": READ_CANCELLABLE,
    "ReadCancellation": READ_CANCELLATION,
    "ReadCancelJob": READ_CANCEL_JOB,
    "ReadAddress": READ_ADDRESS,
    "ReadHolds": READ_HOLDS,
    "ReadParts": READ_PARTS,
    "ReadRefunds": READ_REFUNDS,
    "ReadCredits": READ_CREDITS,
}
