import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { isServer } from '../../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'

/**
 * Gives QEMU the passwords of its displays. Until then it lets nobody in: its command line demands a password and has none.
 * @throws QemuError when QEMU refuses
 */
export async function setDisplayPasswords(
  control: QmpConnection,
  { graphics }: Domain,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { type, password } of graphics.filter(isServer)) {
    if (password === undefined) continue
    const { text, validTo, connected } = password
    // VNC always keeps its clients (ui/ui-qmp-cmds.c).
    const kept = type === 'spice' && connected !== undefined ? { connected } : {}
    await control.execute('set_password', { protocol: type, password: text, ...kept }, { signal })
    const time = validTo === undefined ? 'never' : String(Math.floor(validTo))
    await control.execute('expire_password', { protocol: type, time }, { signal })
  }
}
