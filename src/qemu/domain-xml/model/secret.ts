import type { Element } from '@xmldom/xmldom'
import { attribute } from '../access.ts'
import { invalid } from '../location.ts'
import { parseUuid } from '../values.ts'

/** A secret of this host that the XML only names, or a text of the XML that no other user of the host should see. */
export type Secret =
  | { readonly uuid: string }
  | { readonly usage: string; readonly type: string }
  | { readonly text: string }

/** A name for a secret by which two that are the same are found. */
export function secretKey(secret: Secret): string {
  if ('uuid' in secret) return secret.uuid
  return 'text' in secret ? `text ${secret.text}` : `${secret.type} ${secret.usage}`
}

/** Reads the `<secret>` of an element. */
export function readSecret(secret: Element | undefined, element: Element): Secret {
  const uuid = attribute(secret, 'uuid')
  const usage = attribute(secret, 'usage')
  const type = attribute(secret, 'type')
  if (usage !== undefined && uuid === undefined)
    return { usage, type: type === undefined || type === 'passphrase' ? 'volume' : type }
  const parsed = uuid === undefined ? undefined : parseUuid(uuid)
  if (parsed === undefined) throw invalid(element, 'it names no secret')
  return { uuid: parsed }
}
