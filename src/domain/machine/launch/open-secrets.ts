import { readFile, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StorageError } from '../../../errors.ts'
import { storageError } from '../../../io/storage-error.ts'
import { isAbsence } from '../../../io/files/file-names.ts'
import { memoryFileWith } from '../../../io/memory/memory-content.ts'
import { closeDescriptor } from '../../../io/system-calls.ts'
import { secretsOf } from '../../../qemu/command-line/storage/disk-nodes.ts'
import { launchSecretsOf } from '../../../qemu/command-line/board/launch-security.ts'
import { child, childText } from '../../../qemu/domain-xml/access.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { type Secret, secretKey } from '../../../qemu/domain-xml/model/secret.ts'
import { parseXml } from '../../../qemu/domain-xml/parse-xml.ts'
import { parseUuid } from '../../../qemu/domain-xml/values.ts'

/** The secrets of a machine in files in memory, open until QEMU has inherited them. */
export class OpenSecrets implements Disposable {
  /** Descriptors by `secretKey`. */
  readonly files: ReadonlyMap<string, number>

  private constructor(files: ReadonlyMap<string, number>) {
    this.files = files
  }

  /**
   * Finds the secrets that a domain names: in `secrets/` of the state directory, then where libvirt keeps them. Both have the form of libvirt:
   * `UUID.xml` says what a secret is for, `UUID.base64` has its value.
   * @throws StorageError FILE_NOT_FOUND for a secret that this host does not have
   */
  static async open(
    domain: Pick<Domain, 'disks' | 'hostDevices' | 'launchSecurity'>,
    stateDir: string,
  ): Promise<OpenSecrets> {
    const files = new Map<string, number>()
    const secrets = new OpenSecrets(files)
    try {
      const named = domain.disks.flatMap(({ source }) => secretsOf(source))
      const units = domain.hostDevices.flatMap(({ source }) =>
        source.type === 'iscsi' ? (source.network.auth?.secret ?? []) : [],
      )
      for (const secret of [...named, ...units, ...launchSecretsOf(domain)]) {
        const key = secretKey(secret)
        if (files.has(key)) continue
        const value = await valueOf(secret, stateDir)
        files.set(key, memoryFileWith('stasis-secret', value))
      }
      return secrets
    } catch (error) {
      secrets[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.files.values()) closeDescriptor(fd)
  }
}

/** libvirt's directories of the system and of a session (secret_driver.c, 11.3), and ours. */
function directoriesOf(stateDir: string): readonly string[] {
  const config = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  const system =
    process.geteuid?.() === 0 ? '/etc/libvirt/secrets' : join(config, 'libvirt/secrets')
  return [join(stateDir, 'secrets'), system]
}

/** The value of a secret. @throws StorageError FILE_NOT_FOUND when this host does not have it */
export async function valueOf(secret: Secret, stateDir: string): Promise<Uint8Array> {
  if ('text' in secret) return Buffer.from(secret.text)
  const directories = directoriesOf(stateDir)
  for (const directory of directories) {
    const uuid = 'uuid' in secret ? secret.uuid : await uuidOf(secret, directory)
    if (uuid === undefined) continue
    const path = join(directory, `${uuid}.base64`)
    try {
      return Buffer.from(await readFile(path, 'latin1'), 'base64')
    } catch (error) {
      if (!isAbsence(error)) throw storageError('read the secret', path, error)
    }
  }
  const what = 'uuid' in secret ? secret.uuid : `for the ${secret.type} ${secret.usage}`
  const name = 'uuid' in secret ? secret.uuid : 'UUID'
  throw new StorageError('FILE_NOT_FOUND', `This host does not have the secret ${what}`, {
    operation: 'find a secret',
    path: directories[0],
    hint: `Put its value, in base64, into ${join(directories[0] ?? '', `${name}.base64`)} with mode 0600${'uuid' in secret ? '' : ', and the <secret> XML of libvirt beside it'}, or define it in libvirt as a secret that is not ephemeral`,
  })
}

/** The secret for a use, by the XML beside it. */
async function uuidOf(
  { usage, type }: { readonly usage: string; readonly type: string },
  directory: string,
): Promise<string | undefined> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names.filter((one) => one.endsWith('.xml'))) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => '')
    const root = documentOf(text)
    const found = child(root, 'usage')
    if (found?.getAttribute('type') !== type) continue
    const own =
      childText(found, type === 'volume' ? 'volume' : 'name') ?? childText(found, 'target')
    if (own?.trim() === usage) return parseUuid(childText(root, 'uuid') ?? '')
  }
  return undefined
}

function documentOf(text: string): ReturnType<typeof child> {
  try {
    return parseXml(text).documentElement ?? undefined
  } catch {
    return undefined
  }
}
