// A server made with Fedify: one actor with both keys. It accepts follows, follows on demand, and tells what it has
// verified. Arguments: the first scheme it signs with. Standard output: its port.

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { createFederation, generateCryptoKeyPair, MemoryKvStore } from "@fedify/fedify";
import { getAuthenticatedDocumentLoader } from "@fedify/fedify/utils";
import { verifyRequest } from "@fedify/fedify/sig";
import { lookupObject, Accept, Follow, Undo, Person } from "@fedify/vocab";
import { getDocumentLoader } from "@fedify/vocab-runtime";

const [firstKnock] = process.argv.slice(2);
const keys = [await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"), await generateCryptoKeyPair("Ed25519")];
const seen = [];
const problems = [];

// ForgeFed's context, which nobody may have to fetch for this: its words are of no matter here.
const plain = getDocumentLoader({ allowPrivateAddress: true });
const contexts = async (url, options) =>
  url === "https://forgefed.org/ns"
    ? { contextUrl: null, documentUrl: url, document: { "@context": {} } }
    : await plain(url, options);

const federation = createFederation({
  kv: new MemoryKvStore(),
  documentLoaderFactory: () => contexts,
  authenticatedDocumentLoaderFactory: (identity) =>
    getAuthenticatedDocumentLoader(identity, { allowPrivateAddress: true }),
  signatureTimeWindow: { minutes: 5 },
  firstKnock,
  contextLoaderFactory: () => contexts,
});

federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    const pairs = await context.getActorKeyPairs(identifier);
    return new Person({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      inbox: context.getInboxUri(identifier),
      publicKey: pairs[0].cryptographicKey,
      assertionMethods: pairs.map((pair) => pair.multikey),
    });
  })
  .setKeyPairsDispatcher(() => keys);

const note = (kind) => async (context, activity) => {
  const object = activity.objectId?.href ?? (await activity.getObject())?.id?.href;
  seen.push({ kind, id: activity.id?.href, actor: activity.actorId?.href, object });
};

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Follow, async (context, follow) => {
    await note("Follow")(context, follow);
    const recipient = await follow.getActor(context);
    const accept = new Accept({
      id: new URL(`#accept-${seen.length}`, context.getActorUri("alice")),
      actor: context.getActorUri("alice"),
      object: follow,
    });
    await context.sendActivity({ identifier: "alice" }, recipient, accept);
  })
  .on(Accept, note("Accept"))
  .on(Undo, note("Undo"))
  .onError((_, error) => problems.push(String(error)));

const commands = {
  // Sends a Follow, or the Undo of one.
  async send(context, { actor, id, undo }) {
    const recipient = await lookupObject(actor, context);
    const own = context.getActorUri("alice");
    const follow = new Follow({ id: new URL(id, own), actor: own, object: recipient.id });
    const activity = undo ? new Undo({ id: new URL(`${id}-undo`, own), actor: own, object: follow }) : follow;
    await context.sendActivity({ identifier: "alice" }, recipient, activity);
    return {};
  },
  // Reads an actor, and tells which keys it finds there.
  async keys(context, { actor }) {
    const found = await lookupObject(actor, context);
    const many = async (items) => {
      const ids = [];
      for await (const item of items) ids.push(item.id.href);
      return ids;
    };
    return { publicKeys: await many(found.getPublicKeys(context)), assertionMethods: await many(found.getAssertionMethods(context)) };
  },
  // Verifies a request as it came to somebody else.
  async verify(context, { method, url, headers, body }) {
    const init = method === "GET" ? { method, headers } : { method, headers, body };
    const key = await verifyRequest(new Request(url, init), { ...context, timeWindow: { minutes: 5 } });
    return { key: key?.id?.href ?? null };
  },
  async state() {
    return { seen, problems };
  },
};

const server = createServer(async (incoming, outgoing) => {
  const base = `http://${incoming.headers.host}`;
  const body = incoming.method === "POST" ? Buffer.concat(await Readable.from(incoming).toArray()) : undefined;
  const request = new Request(base + incoming.url, { method: incoming.method, headers: incoming.headers, body });
  let response;
  const name = incoming.url.split("/control/")[1];
  try {
    if (name) {
      const context = federation.createContext(new URL(base), undefined);
      response = Response.json(await commands[name](context, body ? JSON.parse(body) : {}));
    } else {
      response = await federation.fetch(request, { contextData: undefined });
    }
  } catch (error) {
    response = new Response(error.stack, { status: 500 });
  }
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
