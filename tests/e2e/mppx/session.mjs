// A paying client built on mppx: node session.mjs URL TOKEN METHOD PROOF BODY. Prints one JSON object.
// PROOF is what the method presents: a word for test, a shared payment token for stripe, the address that pays
// invoices for lightning.
import { Credential, Method, Receipt, z } from 'mppx'
import { Mppx, stripe } from 'mppx/client'

const [url, token, name, proof, body] = process.argv.slice(2)

const definition = Method.from({
  name,
  intent: 'charge',
  schema: {
    credential: { payload: z.looseObject({}) },
    request: z.looseObject({ amount: z.string(), currency: z.string(), recipient: z.string() }),
  },
})

async function payload(challenge) {
  if (name === 'test') return { token: proof }
  const invoice = encodeURIComponent(challenge.request.methodDetails.invoice)
  return (await fetch(`${proof}?invoice=${invoice}`)).json()
}

const own = Method.toClient(definition, {
  async createCredential({ challenge }) {
    return Credential.serialize({ challenge, payload: await payload(challenge) })
  },
})
const card = stripe.charge({ paymentMethod: 'pm_card_visa', createToken: async () => proof })

const mppx = Mppx.create({ methods: [name === 'stripe' ? card : own], polyfill: false, maxPaymentRetries: 1 })
let challenges = 0
mppx.onChallengeReceived?.(() => { challenges += 1 })
const answer = await mppx.fetch(url, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body,
})
const told = answer.headers.get('payment-receipt')
const receipt = told === null ? null : Receipt.deserialize(told)
const text = await answer.text()
const isJson = (answer.headers.get('content-type') ?? '').includes('json')
console.log(JSON.stringify({
  status: answer.status,
  challenges,
  receipt: receipt && [receipt.status, receipt.method, receipt.reference],
  raw_receipt: receipt,
  type: isJson ? JSON.parse(text).type ?? null : null,
  text,
}))
