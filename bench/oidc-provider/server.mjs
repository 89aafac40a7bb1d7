// oidc-provider set up to do the same work as Grantwell in the benchmark: PKCE with S256, confidential client, rotation of
// refresh tokens, JWT access tokens for the resources that have them, sign-in and consent given without a page.
//
// Where it keeps its records: a Map. Its own development adapter walks over everything issued under a grant at every write,
// and forgets what is older than a thousand records; this one does neither, so that what is measured is the server.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const MOST_RECORDS = 200_000;
const records = new Map();
const byUid = new Map();
const byGrant = new Map();

class Memory {
  constructor(kind) {
    this.kind = kind;
  }

  key(id) {
    return `${this.kind}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    records.delete(key);
    records.set(key, { payload, until: Date.now() + expiresIn * 1000 });
    if (payload.uid) byUid.set(payload.uid, key);
    if (payload.grantId && this.kind !== 'Session' && this.kind !== 'Interaction') {
      const under = byGrant.get(payload.grantId) ?? new Set();
      byGrant.set(payload.grantId, under.add(key));
    }
    if (records.size > MOST_RECORDS) this.forgetOldest();
  }

  forgetOldest() {
    for (const [key, { payload }] of records) {
      if (key.startsWith('Session:') || key.startsWith('Grant:')) continue;
      records.delete(key);
      byGrant.get(payload.grantId)?.delete(key);
      return;
    }
  }

  async find(id) {
    return this.read(this.key(id));
  }

  async findByUid(uid) {
    return this.read(byUid.get(uid));
  }

  async findByUserCode() {
    return undefined;
  }

  read(key) {
    const record = records.get(key);
    return record && record.until > Date.now() ? record.payload : undefined;
  }

  async consume(id) {
    const record = records.get(this.key(id));
    if (record) record.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    records.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) records.delete(key);
    byGrant.delete(grantId);
  }
}

function key(type, options, alg) {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, alg, use: 'sig', kid: alg };
}

const resources = new Map([
  ['https://api.example.test/', { scope: 'notes:read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }],
  ['https://eddsa.example.test/', { scope: 'cards:read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'EdDSA' } } }],
  ['https://opaque.example.test/', { scope: 'files:read', accessTokenFormat: 'opaque' }],
]);

const client = (id, alg) => ({
  client_id: id,
  client_secret: 'a client secret of more than thirty-two characters',
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: ['https://rp.example/cb'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  response_types: ['code'],
  scope: 'openid profile notes:read cards:read files:read',
  id_token_signed_response_alg: alg,
});

const provider = new Provider('http://localhost:8080', {
  adapter: Memory,
  clients: [client('web', 'ES256'), client('web-eddsa', 'EdDSA')],
  jwks: { keys: [key('ec', { namedCurve: 'P-256' }, 'ES256'), key('ed25519', {}, 'EdDSA')] },
  cookies: { keys: ['a key that signs the cookies'] },
  scopes: ['openid', 'profile', 'notes:read', 'cards:read', 'files:read'],
  claims: { openid: ['sub'], profile: ['name'] },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, name: 'A person' }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, who) => who.grantTypeAllowed('refresh_token'),
  ttl: {
    AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 86_400, IdToken: 600, Interaction: 900,
    RefreshToken: 86_400, Session: 86_400,
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, identifier) => ({
        audience: identifier, accessTokenTTL: 600, ...resources.get(identifier),
      }),
      useGrantedResource: () => true,
    },
  },
});

async function interaction(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const accountId = 'person0';
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope('openid profile notes:read cards:read files:read');
  for (const [identifier, { scope }] of resources) grant.addResourceScope(identifier, scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

provider.on('server_error', (_ctx, error) => console.error(error));
const serve = provider.callback();
const [host, port] = process.env.LISTEN.split(':');
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return serve(request, response);
  return interaction(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(Number(port), host);
