import { setTimeout as delay } from 'node:timers/promises'
import { type Bed, NODES, type Node } from './bed.ts'

/** What Pacemaker says about a resource. */
export interface ResourceState {
  readonly role: string
  readonly node: string | undefined
  readonly failed: boolean
}

/** Waits until `condition` gives a value. It is asked again and again; a value of `undefined` or `false` is none. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 90_000, everyMs = 100 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain: ${what}`)
    await delay(everyMs)
  }
}

/** Pacemaker on the bed: what an administrator does, by the programs of Pacemaker. */
export class Cell {
  readonly bed: Bed

  constructor(bed: Bed) {
    this.bed = bed
  }

  /** Runs a program on any node that is on. */
  async ask(...command: readonly string[]): Promise<string> {
    let last = ''
    for (const node of NODES) {
      const { exitCode, stdout, stderr } = await this.bed.exec(node, 'timeout', '60', ...command)
      if (exitCode === 0) return stdout
      last = `${node}: ${stdout}${stderr}`
    }
    throw new Error(`${command.join(' ')}: ${last}`)
  }

  /** The state of the cluster, in the XML of crm_mon. */
  status(): Promise<string> {
    return this.ask('crm_mon', '-1', '--output-as=xml')
  }

  /** The state of a resource; `undefined` if the cluster does not have it. */
  async resource(id: string): Promise<ResourceState | undefined> {
    const xml = await this.status()
    const [whole, attributes = ''] =
      new RegExp(`<resource id="${id}"([^>]*?)(?:/>|>[^]*?</resource>)`).exec(xml) ?? []
    if (whole === undefined) return undefined
    return {
      role: /role="(\w+)"/.exec(attributes)?.[1] ?? '',
      node: /<node name="(\w+)"/.exec(whole)?.[1],
      failed: / failed="true"/.test(attributes),
    }
  }

  /** Waits until a resource runs on a node other than `except`. Returns the node. */
  started(id: string, except?: Node): Promise<Node> {
    return until(`${id} starts`, async () => {
      const state = await this.resource(id).catch(() => undefined)
      const isThere = state?.role === 'Started' && !state.failed && state.node !== except
      return isThere && (state.node as Node | undefined)
    })
  }

  /** Waits until a resource is stopped. */
  async stopped(id: string): Promise<void> {
    await until(`${id} stops`, async () => {
      const state = await this.resource(id).catch(() => undefined)
      return state?.role === 'Stopped'
    })
  }

  /** Switches nodes on that are off, and waits until all are online. */
  async allOnline(): Promise<void> {
    for (const node of NODES) await this.bed.do('on', node)
    await until('all nodes are online', async () => {
      const xml = await this.status().catch(() => '')
      const online = xml.match(/<node name="n\d"[^>]* online="true"[^>]* pending="false"/g) ?? []
      return online.length === NODES.length && /<current_dc present="true"/.test(xml)
    })
  }

  /** Waits until the cluster has nothing to do. */
  async settled(): Promise<void> {
    await this.ask('crm_resource', '--wait', '--timeout=90')
  }

  async standby(node: Node, isOn: boolean): Promise<void> {
    await this.ask('crm_standby', '-N', node, '-v', isOn ? 'on' : 'off')
  }

  /** Parks a guest (Stopped) or wakes it (Started). */
  async targetRole(id: string, role: 'Started' | 'Stopped'): Promise<void> {
    await this.ask('crm_resource', '-r', id, '--meta', '-p', 'target-role', '-v', role)
  }

  /** Sets a parameter of a resource; `undefined`: back to its default. */
  async parameter(id: string, name: string, value: string | undefined): Promise<void> {
    const change = value === undefined ? ['-d', name] : ['-p', name, '-v', value]
    await this.ask('crm_resource', '-r', id, ...change)
  }

  /** Adds a resource, as XML of the cluster's configuration. */
  async add(xml: string): Promise<void> {
    await this.ask('cibadmin', '-C', '-o', 'resources', '--xml-text', xml)
  }

  /** Removes a resource. It must be stopped. */
  async remove(id: string): Promise<void> {
    await this.ask('cibadmin', '-D', '-o', 'resources', '--xml-text', `<primitive id="${id}"/>`)
  }
}
