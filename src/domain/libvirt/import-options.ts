import type { StasisError } from '../../errors.ts'
import type { DefineOptions } from '../lifecycle/define.ts'
import type { ManagedSaveChoice } from './managed-save-choice.ts'
import type { LibvirtOptions } from './places.ts'

/** How to take domains over from libvirt. */
export interface ImportOptions extends Omit<DefineOptions, 'removeManagedSave'>, LibvirtOptions {
  /** Ask virsh for the definitions, with this URI, instead of reading libvirt's files. */
  readonly virshUri?: string | undefined
  /** Move, copy or leave a managed save. Without it, a domain that has one is not imported. */
  readonly managedSave?: ManagedSaveChoice | undefined
  /** Take a managed save although its disks have changed since. */
  readonly force?: boolean | undefined
  /** Replace definitions that are here already. */
  readonly replace?: boolean | undefined
  /** Only report the outcomes; change nothing. */
  readonly dryRun?: boolean | undefined
  /** Called for every domain when it is done. */
  readonly onDomain?: ((outcome: ImportOutcome) => void) | undefined
}

/** The outcome for one domain. */
export interface ImportOutcome {
  readonly name: string
  readonly outcome: 'imported' | 'would be imported' | 'unchanged' | 'not imported'
  readonly uuid?: string
  /** The copy of its variable store. */
  readonly nvram?: string
  /** The fate of its managed save. */
  readonly managedSave?: 'moved' | 'copied'
  readonly autostart?: boolean
  /** The domain's leftovers in libvirt, each with the command that ends it. */
  readonly left?: readonly string[]
  readonly error?: StasisError
}
