import { type Act, type ActFacts, keepAct } from '../acts/keep-act.ts'
import { checkIdentity } from '../catalogue/identity.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import { refuseManagedImage } from '../store/saves/managed-image.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'
import { bootMachine } from './boot.ts'
import { type DefineOptions, admitDefinition } from './define.ts'
import type { StartedDomain } from './start.ts'
import type { NetworkOptions } from '../networks/network-target.ts'

/** How to create a domain. */
export interface CreateOptions extends Omit<DefineOptions, 'removeManagedSave'>, NetworkOptions {
  /** Leave the guest paused. */
  readonly paused?: boolean | undefined
}

/**
 * Boots a domain from libvirt domain XML without defining it: it is gone when its guest ends. A domain of that name and UUID that is defined and does not run keeps its definition.
 * @throws DomainXmlError, DomainError DOMAIN_RUNNING, DOMAIN_EXISTS if another domain has the name or UUID, DOMAIN_HAS_MANAGED_SAVE; QemuError, StorageError
 * @example
 * const { name, id } = await createDomain(await readFile('web.xml', 'utf8'))
 */
export async function createDomain(
  xml: DomainXml,
  options: CreateOptions = {},
): Promise<StartedDomain> {
  checkOptions(options)
  const plan = { act: 'start' } as const
  const { onWarning } = options
  const facts = ({ name, uuid }: StartedDomain): ActFacts => ({ domain: name, uuid, mode: 'boot' })
  return keepAct({ plan, directories: options, facts, onWarning }, (act) =>
    create(xml, options, act),
  )
}

async function create(xml: DomainXml, options: CreateOptions, act: Act): Promise<StartedDomain> {
  const directories = await openDirectories(options)
  const defined = await prepareMachine(givenXml(xml), directories, {
    ...options,
    // The start below has the same warnings.
    onWarning: undefined,
    admit: (draft) => admitDefinition(draft, options),
  })
  await using held = await HeldDomain.named(defined.domain.name, 'create', options)
  const { name } = held
  act.on(name, defined.uuid)
  held.requireOff()
  await checkIdentity(directories, { name, uuid: defined.uuid })
  await refuseManagedImage(name, held.paths, 'created', undefined)
  const prepared = await prepareMachine({ text: defined.xml }, directories, {
    ...options,
    occasion: 'start',
  })
  await act.before({}, options.signal)
  return { name, uuid: prepared.uuid, id: await bootMachine(held, prepared, options) }
}
