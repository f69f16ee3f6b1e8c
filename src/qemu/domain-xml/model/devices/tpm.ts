import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, requiredChild } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseUuid } from '../../values.ts'
import type { Secret } from '../secret.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** A TPM. */
export interface Tpm extends Device {
  readonly model: 'tpm-tis' | 'tpm-crb'
  readonly backend: TpmBackend
}

export type TpmBackend =
  | EmulatedTpm
  /** A TPM of the host. */
  | { readonly type: 'passthrough'; readonly path: string }
  /** An emulator that another program started, at its socket. */
  | { readonly type: 'external'; readonly path: string }

/** A TPM that swtpm emulates, one process for each guest. */
export interface EmulatedTpm {
  readonly type: 'emulator'
  readonly version: '1.2' | '2.0'
  /** The directory of its state; `undefined`: one of ours. */
  readonly stateDirectory: string | undefined
  /** The password of its state, on the disk and in images. */
  readonly secret: Secret | undefined
  /** Whether the state stays when the domain is undefined. */
  readonly persistent: boolean
  /** The banks of PCRs to activate in a new TPM; empty: as swtpm does by itself. */
  readonly pcrBanks: readonly string[]
  readonly profile: TpmProfile | undefined
}

const PCR_BANKS = ['sha1', 'sha256', 'sha384', 'sha512']

/** The abilities of a new TPM 2.0 (swtpm 0.10). */
export interface TpmProfile {
  readonly source: string
  readonly removeDisabled: string | undefined
}

/** Reads a `<tpm>`. */
export function readTpm(element: Element): Tpm {
  const backend = requiredChild(element, 'backend')
  return {
    ...readDevice(element),
    model: (attribute(element, 'model') ?? 'tpm-tis') as Tpm['model'],
    backend: readBackend(backend),
  }
}

function readBackend(element: Element): TpmBackend {
  const type = requiredAttribute(element, 'type')
  if (type === 'passthrough') {
    const device = child(element, 'device')
    return { type, path: attribute(device, 'path') ?? '/dev/tpm0' }
  }
  const source = child(element, 'source')
  const path = attribute(source, 'path')
  if (type === 'external') {
    if (path === undefined) throw invalid(element, 'the path of the socket is missing')
    return { type, path }
  }
  const banks = child(element, 'active_pcr_banks')
  return {
    type: 'emulator',
    version: attribute(element, 'version') === '1.2' ? '1.2' : '2.0',
    stateDirectory: path,
    secret: readSecret(child(element, 'encryption')),
    persistent: flag(element, 'persistent_state') === true,
    pcrBanks: PCR_BANKS.filter((bank) => child(banks, bank) !== undefined),
    profile: readProfile(child(element, 'profile')),
  }
}

function readSecret(encryption: Element | undefined): Secret | undefined {
  if (encryption === undefined) return undefined
  const uuid = parseUuid(requiredAttribute(encryption, 'secret'))
  if (uuid === undefined) throw invalid(encryption, 'the secret is not a UUID')
  return { uuid }
}

function readProfile(element: Element | undefined): TpmProfile | undefined {
  const source = attribute(element, 'source') ?? attribute(element, 'name')
  if (source === undefined) return undefined
  return { source, removeDisabled: attribute(element, 'removeDisabled') }
}
