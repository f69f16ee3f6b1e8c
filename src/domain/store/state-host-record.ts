import { isOptionalFlag, isText } from '../../io/records/field-checks.ts'
import { type RecordKind, fieldsOf } from '../../io/records/record-file.ts'

/** The host that a state directory belongs to, or that has shared it. */
export interface StateHost {
  /** See `hostId`. */
  readonly id: string
  /** Its name, for people. */
  readonly name: string
  /**
   * `yes`: several hosts use the directory, and every domain has an owner (owner.ts). `begun`: its host is about to share it and records the owners;
   * other hosts still stay out.
   */
  readonly shared?: 'begun' | 'yes' | undefined
  /** Where all hosts keep the managed saves, if not in the state directory. */
  readonly saves?: SavePlace | undefined
}

/** The place of the managed saves of a shared state directory. */
export interface SavePlace {
  /** The directory that a person has named, absolute. The saves are in a directory inside it that has the id in its name. */
  readonly directory: string
  readonly id: string
  /** The saves are being moved there, or were when that was interrupted: nobody knows where each of them is. */
  readonly moving?: boolean | undefined
}

/** The path of the record of a state directory. */
export function stateHostPath(stateDir: string): string {
  return `${stateDir}/host.json`
}

/** The record of a directory that names another place for managed saves. A Stasis that does not know that place must not read it: it would find no managed save, and boot. */
export const STATE_HOST: RecordKind<StateHost> = {
  what: 'the host of a state directory',
  version: 3,
  hint: 'It says whether other hosts use this directory: do not remove it unless you know that none does',
  parse(value) {
    const fields = fieldsOf(value)
    const { id, name, shared, saves } = fields ?? {}
    const fits =
      [id, name].every(isText) &&
      (shared === undefined || shared === 'begun' || shared === 'yes') &&
      (saves === undefined || isSavePlace(saves))
    return fits ? (fields as unknown as StateHost) : undefined
  },
}

/** The record of a shared directory. An older Stasis, which knows nothing about owners, must not read it. */
export const SHARED_STATE_HOST: RecordKind<StateHost> = { ...STATE_HOST, version: 2 }

/** The record of a directory that one host uses. */
export const OWN_STATE_HOST: RecordKind<StateHost> = { ...STATE_HOST, version: 1 }

function isSavePlace(value: unknown): boolean {
  const { directory, id, moving } = fieldsOf(value) ?? {}
  return (
    typeof directory === 'string' &&
    directory.startsWith('/') &&
    typeof id === 'string' &&
    /^[0-9a-f]+$/.test(id) &&
    isOptionalFlag(moving)
  )
}
