import type { Element } from '@xmldom/xmldom'
import { attribute, child, childText, flag } from '../../access.ts'
import { invalid } from '../../location.ts'
import type { Secret } from '../secret.ts'

/** A guest whose memory AMD's processors encrypt: `<launchSecurity>`. */
export interface LaunchSecurity {
  readonly type: 'sev' | 'sev-snp'
  /** The bit of an address that says that its page is encrypted; `undefined`: as the host has it. */
  readonly cbitPosition: number | undefined
  /** Bits of an address that the guest loses; `undefined`: as the host has it. */
  readonly reducedPhysBits: number | undefined
  /** The owner's rules for the guest, of which only `sev` has a default in libvirt. */
  readonly policy: number
  /** Whether the firmware gets hashes of the kernel, its initrd and its command line. */
  readonly kernelHashes: boolean | undefined
  /** The owner's certificate and session, in base64; of `sev` only. */
  readonly dhCert: Secret | undefined
  readonly session: Secret | undefined
  /** The parts of `sev-snp` alone. Blocks are in base64. */
  readonly snp: {
    readonly guestVisibleWorkarounds: string | undefined
    readonly idBlock: string | undefined
    readonly idAuth: string | undefined
    readonly hostData: string | undefined
    readonly authorKey: boolean | undefined
    readonly vcek: boolean | undefined
  }
}

/** Reads a `<launchSecurity>`. @throws DomainXmlError `XML_INVALID` */
export function readLaunchSecurity(element: Element): LaunchSecurity {
  const type = attribute(element, 'type')
  if (type === undefined) throw invalid(element, 'the attribute "type" is missing')
  const snp = type === 'sev-snp'
  const foreign = (snp ? SEV_ONLY : SNP_ONLY).map((name) => child(element, name)).find(Boolean)
  if (foreign !== undefined) throw invalid(foreign, `the type "${type}" does not have it`)
  const base64 = (name: string): string | undefined => readBase64(element, name)
  return {
    type: snp ? 'sev-snp' : 'sev',
    cbitPosition: number(element, 'cbitpos', 63),
    reducedPhysBits: number(element, 'reducedPhysBits', 63),
    policy: readPolicy(element),
    kernelHashes: flag(element, 'kernelHashes'),
    dhCert: secret(base64('dhCert')),
    session: secret(base64('session')),
    snp: {
      guestVisibleWorkarounds: base64('guestVisibleWorkarounds'),
      idBlock: base64('idBlock'),
      idAuth: base64('idAuth'),
      hostData: base64('hostData'),
      authorKey: flag(element, 'authorKey'),
      vcek: flag(element, 'vcek'),
    },
  }
}

const SEV_ONLY: readonly string[] = ['dhCert', 'session']
const SNP_ONLY: readonly string[] = ['guestVisibleWorkarounds', 'idBlock', 'idAuth', 'hostData']

function readPolicy(element: Element): number {
  const value = number(element, 'policy', Number.MAX_SAFE_INTEGER)
  if (value === undefined) throw invalid(element, 'the element <policy> is missing')
  return value
}

/** A number as C writes them: `0x03`, `3`. */
function number(element: Element, name: string, most: number): number | undefined {
  const place = child(element, name)
  if (place === undefined) return undefined
  const value = childText(element, name)?.trim() ?? ''
  const read = /^(?:0x[\da-f]+|\d+)$/i.test(value) ? Number(value) : Number.NaN
  if (!(read <= most)) throw invalid(place, `"${value}" is not a number from 0 to ${most}`)
  return read
}

function readBase64(element: Element, name: string): string | undefined {
  const place = child(element, name)
  const value = childText(element, name)?.replaceAll(/\s+/g, '') ?? ''
  if (place === undefined || value === '') return undefined
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(value)) throw invalid(place, 'it is not in base64')
  return value
}

function secret(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : { text }
}
