import { attribute } from '../../qemu/domain-xml/access.ts'
import { cookieWith, elementInCookie } from './cookie-element.ts'

/** The features that a guest's processor has, as words of CPUID by their place: `7.0:EBX`. */
export type ProcessorWords = ReadonlyMap<string, number>

const PROCESSOR = { namespace: 'urn:stasis:processor:1', name: 'stasis:processor' } as const

/** Records the features of the guest's processor in a cookie. libvirt's `<cpu>` there has names of libvirt's own database, which Stasis does not have. */
export function cookieWithProcessor(cookie: string, words: ProcessorWords): string {
  const text = [...words].map(([place, bits]) => `${place}=${bits.toString(16)}`).join(' ')
  return cookieWith(
    cookie,
    `  <stasis:processor xmlns:stasis='${PROCESSOR.namespace}' words='${text}'/>\n`,
  )
}

/** The features in a cookie; `undefined` if it has none. A word that cannot be read is left out. */
export function processorInCookie(cookie: string | undefined): ProcessorWords | undefined {
  const text = attribute(elementInCookie(cookie, PROCESSOR), 'words')
  if (text === undefined) return undefined
  return new Map(
    text.split(' ').flatMap((word) => {
      const [, place, bits] =
        /^([0-9a-f]{1,8}(?:\.\d{1,3})?:E[ABCD]X)=([0-9a-f]{1,8})$/.exec(word) ?? []
      return place === undefined ? [] : [[place, Number.parseInt(bits ?? '', 16)] as const]
    }),
  )
}
