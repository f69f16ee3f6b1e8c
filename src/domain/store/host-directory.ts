import { existsSync } from 'node:fs'
import { hostId } from '../../io/host-id.ts'

/** In a shared state directory: the directory with a directory for each host. */
function hostsDirectory(stateDir: string): string {
  // Not `join`, which takes a quarter of a list of many domains.
  return `${stateDir}/hosts`
}

/** In a shared state directory: what belongs to this host. */
export function hostDirectory(stateDir: string): string {
  return `${hostsDirectory(stateDir)}/${hostId()}`
}

/**
 * The path of a file or directory that belongs to this host: in the state directory itself, or in this host's part of a shared one. The directory `hosts` shows that
 * it is shared (share-state.ts makes it first).
 */
export function placeOfHost(stateDir: string, name: string): string {
  return `${existsSync(hostsDirectory(stateDir)) ? hostDirectory(stateDir) : stateDir}/${name}`
}
