// A receiver's verification in Node, without any package, and what it makes of the
// vectors: node docs/vectors.mjs < docs/vectors.json
// It is an example of how to read docs/vectors.json, see docs/vectors.md.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

const bytes = body => Buffer.from(body.body ?? body.body_base64 ?? '', body.body_base64 ? 'base64' : 'utf8');
const json = text => { try { return JSON.parse(text); } catch { return undefined; } };
const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v);
const base64 = (text, form) => { // strict: what decodes to bytes that encode to another text is refused
  const decoded = Buffer.from(text, form);
  return decoded.toString(form) === text ? decoded : undefined;
};

/** Says whether a delivery is genuine. Keys, now and tolerance are the vector's. */
export function genuine(request, keys, now, tolerance) {
  const one = name => {
    const values = request.headers.filter(h => h[0].toLowerCase() === name).map(h => h[1]);
    return values.length === 1 ? values[0] : '';
  };
  const id = one('webhook-id'), timestamp = one('webhook-timestamp'), list = one('webhook-signature');
  if (!/^[!-\-\/-~]{1,256}$/.test(id) || !/^[1-9][0-9]{0,11}$/.test(timestamp)) return false;
  if (list.length > 16384 || Math.abs(now - Number(timestamp)) > tolerance) return false;
  const entries = list.split(' ').filter(e => e !== '');
  if (entries.length > 32) return false;

  const body = bytes(request);
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  return entries.some(entry => {
    const comma = entry.indexOf(',');
    if (comma < 0) return keys.jwks !== undefined && goodToken(entry, body, keys, now, tolerance);
    const signature = base64(entry.slice(comma + 1), 'base64');
    switch (signature && entry.slice(0, comma)) {
      case 'v1': return (keys.secrets ?? []).some(secret => {
        const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
        const mac = createHmac('sha256', key).update(signed).digest();
        return signature.length === mac.length && timingSafeEqual(signature, mac);
      });
      case 'v1a': return (keys.jwks?.keys ?? []).some(jwk => jwk.kty === 'OKP' &&
        verify(null, signed, createPublicKey({ key: jwk, format: 'jwk' }), signature));
    }
    return false;
  });
}

function goodToken(token, body, keys, now, tolerance) {
  const parts = token.split('.');
  const [head, payload, signature] = parts.map(part => base64(part, 'base64url'));
  if (parts.length !== 3 || !head || !payload || !signature) return false;
  const header = json(head), claims = json(payload);
  if (!isObject(header) || !isObject(claims) || header.alg !== 'RS256' || 'crit' in header || !header.kid) return false;
  const jwk = keys.jwks.keys.find(k => k.kty === 'RSA' && k.kid === header.kid);
  if (!jwk || !verify('sha256', Buffer.from(`${parts[0]}.${parts[1]}`), createPublicKey({ key: jwk, format: 'jwk' }), signature)) return false;

  const { exp, nbf = now, iat = now, aud, iss } = claims;
  if (![exp, nbf, iat].every(Number.isFinite) || now >= exp + 60 || now < nbf - 60 || Math.abs(now - iat) > tolerance) return false;
  if (keys.audiences && ![aud].flat().some(a => keys.audiences.includes(a))) return false;
  if (keys.issuers && !keys.issuers.includes(iss)) return false;
  if (!('type' in claims && 'data' in claims) || body.length === 0) return true;
  const sent = json(body); // the token is the event: the body may only say the same
  return sent !== undefined && ['type', 'version', 'timestamp', 'data', 'user_metadata']
    .every(m => !(m in claims && m in sent) || isDeepStrictEqual(claims[m], sent[m]));
}

const file = json(readFileSync(0));
console.log(JSON.stringify(file.vectors.map(v =>
  ({ name: v.name, accepted: genuine(v.request, file.keys[v.keys], v.now, file.tolerance_seconds) }))));
