import { DomainError, StasisError } from '../../errors.ts'
import { controlMonitors } from '../../qemu/foreign/control-sockets.ts'
import { type NamedQemu, findQemus } from '../../qemu/foreign/find-named.ts'
import { checkReference } from '../store/check-options.ts'
import { type AttachOptions, type AttachedDomain, attachDomain } from './attach.ts'

/**
 * Takes over a running QEMU that Stasis did not start, by the name of its guest (QEMU's `-name`, which libvirt sets), its UUID or its pid. The QEMU
 * must have a QMP monitor on a unix socket that no other program uses: a monitor serves one client at a time, and libvirt holds its own.
 * @throws errors of `attachDomain`; DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY when every monitor is in use, DOMAIN_EXISTS when several QEMUs have the
 * name
 * @example
 * const { name, obstacles } = await attachNamedDomain('web')
 */
export async function attachNamedDomain(
  reference: string,
  options: AttachOptions = {},
): Promise<AttachedDomain> {
  checkReference(reference)
  const qemu = await findOne(reference)
  const { sockets, libvirt, ours } = controlMonitors(qemu.commandLine)
  const name = options.name ?? qemu.name
  if (ours) {
    throw new DomainError(
      'DOMAIN_RUNNING',
      `Process ${qemu.pid} is a domain of Stasis: there is nothing to attach`,
      { hint: '`stasis list` shows it, perhaps with another --state-dir or user' },
    )
  }
  let busy: unknown
  for (const socket of sockets) {
    try {
      return await attachDomain(socket, { ...options, name })
    } catch (error) {
      if (!StasisError.is(error, 'DOMAIN_BUSY') && !StasisError.is(error, 'QEMU_TIMEOUT'))
        throw error
      busy = error
    }
  }
  throw withoutMonitor(qemu, { libvirt, busy, sockets })
}

async function findOne(reference: string): Promise<NamedQemu> {
  const all = await findQemus()
  const named = all.filter(({ name }) => name === reference)
  const found =
    named.length > 0
      ? named
      : all.filter(({ uuid, pid }) => uuid === reference.toLowerCase() || String(pid) === reference)
  const [one, another] = found
  if (one === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `No QEMU on this host has a guest '${reference}'`, {
      hint: `Its name is that of QEMU's -name. ${process.geteuid?.() === 0 ? '' : 'QEMUs of other users may be hidden: try as root. '}\`stasis attach --qmp SOCKET\` takes a QEMU without a name`,
    })
  }
  if (another === undefined) return one
  throw new DomainError(
    'DOMAIN_EXISTS',
    `Several QEMUs have a guest '${reference}': processes ${found.map(({ pid }) => pid).join(', ')}`,
    { hint: 'Give the pid in place of the name' },
  )
}

/** The commands to use instead when the monitor is not available. */
function withoutMonitor(
  { pid, name }: NamedQemu,
  {
    libvirt,
    busy,
    sockets,
  }: { readonly libvirt: boolean; readonly busy: unknown; readonly sockets: readonly string[] },
): DomainError {
  const guest = name ?? String(pid)
  if (libvirt) {
    return new DomainError(
      'DOMAIN_BUSY',
      `The QEMU of '${guest}' (process ${pid}) belongs to libvirt, which holds its only monitor`,
      {
        cause: busy,
        hint: `A monitor serves one program at a time. \`virsh save ${guest} FILE\`, then \`stasis restore FILE\` brings the guest here with its memory; or \`virsh managedsave ${guest}\`, then \`stasis import ${guest} --managed-save move\`. To watch and pause it beside libvirt, give it a second monitor (<qemu:commandline>, -qmp unix:PATH,server=on,wait=off)`,
      },
    )
  }
  return new DomainError(
    'DOMAIN_BUSY',
    sockets.length === 0
      ? `The QEMU of '${guest}' (process ${pid}) has no QMP monitor on a unix socket`
      : `Another program uses each monitor of the QEMU of '${guest}' (process ${pid}): ${sockets.join(', ')}`,
    {
      cause: busy,
      hint: 'Start QEMU with -qmp unix:PATH,server=on,wait=off for a monitor that nothing else uses',
    },
  )
}
