import { readFile } from 'node:fs/promises'
import { defineDomain } from '../../domain/lifecycle/define.ts'
import { storageError } from '../../errors.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly ignoreUnsupported?: boolean
  readonly removeManagedSave?: boolean
}

/** `define FILE` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<file>', 'libvirt domain XML')
      .option(
        '--ignore-unsupported',
        'define it although it has parts that Stasis does not support',
      )
      .option(
        '--remove-managed-save',
        'delete the managed save of the domain whose definition changes',
      ),
  example: 'stasis define web.xml',
  run: async ([file = ''], { ignoreUnsupported, removeManagedSave }, { directories, signal }) => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw storageError('read the domain XML', file, error)
    })
    const { name, uuid } = await defineDomain(
      { text, path: file },
      {
        ...directories,
        signal,
        ignoreUnsupported,
        removeManagedSave,
      },
    )
    return { text: `Domain '${name}' defined from ${file}`, json: { type: 'result', name, uuid } }
  },
}
