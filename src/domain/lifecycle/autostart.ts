import { DomainError } from '../../errors.ts'
import { removeDurably } from '../../io/files/partial-file.ts'
import { autostartOf, autostartPath, markAutostart } from '../catalogue/autostart.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { readDefinition } from '../store/definitions.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'

/** Options for setting autostart. */
export interface AutostartOptions extends DomainOptions, WarningOptions {
  /** Switch it off. */
  readonly disable?: boolean | undefined
  /** Only the next time. A domain that starts every time still does. */
  readonly once?: boolean | undefined
}

/**
 * Makes a defined domain, given by name, UUID or id, start with the host (`stasis host-resume --autostart`), or switches that off.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
 * @example
 * await setAutostart('web', { disable: true })
 */
export async function setAutostart(
  reference: string,
  options: AutostartOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'autostart', options)
  const { name, directories } = held
  if ((await readDefinition(directories, name)) === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`, {
      hint: 'Only a defined domain can start with the host',
    })
  }
  const { disable = false, once = false } = options
  const present = await autostartOf(directories, name)
  // `once` says nothing about a domain that starts every time.
  if (once && present === 'always') return { name }
  if (disable) {
    const change = `domain '${name}' no longer starts with the host`
    const unsure = await removeDurably(autostartPath(directories, name), change)
    if (unsure !== undefined) options.onWarning?.(unsure)
  } else await markAutostart(directories, name, once ? 'once' : 'always')
  return { name }
}
