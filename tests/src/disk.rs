//! Disks of a limited size, in memory, that are gone when the test lets go of them, even by a panic.

use crate::cluster::run_as_server;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tmpfs over a directory.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one that belongs to the user that servers run as. None where this process may not: mounting is
    /// for root, and not even for root in many containers.
    pub fn mount(directory: &Path, megabytes: usize) -> Option<Self> {
        // Where there is nothing to mount with, there is nothing to unmount.
        let owner = run_as_server(Command::new("id")).arg("-u").output().ok()?;
        let owner = String::from_utf8_lossy(&owner.stdout).trim().to_owned();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m,mode=0700,uid={owner}"),
                "tmpfs",
            ])
            .arg(directory)
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("skipped: this needs root, who may mount a disk of a limited size");
            return None;
        }
        Some(Self(directory.to_owned()))
    }

    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Gives the disk another size.
    pub fn resize(&self, megabytes: usize) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,size={megabytes}m")]).arg(&self.0);
        assert!(command.status().expect("mount").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Unmounts what is mounted on a directory or below it.
pub(crate) fn unmount_below(directory: &Path) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for place in places.filter(|place| Path::new(place).starts_with(directory)) {
        unmount(Path::new(place));
    }
}

/// Unmounts at once, or as soon as nobody uses it any more.
fn unmount(place: &Path) {
    for option in [None, Some("--lazy")] {
        let mut command = Command::new("umount");
        command.args(option).arg(place).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return;
        }
    }
}
