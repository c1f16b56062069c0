//! Decides that the server knows the functions this program calls: library `picket`, in `picket.lua`.

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, RedisResult, cmd};

use crate::shard::ports::StoreError;

const LIBRARY: &str = include_str!("picket.lua");
/// What `picket_version` of the library above answers.
const LIBRARY_VERSION: u32 = 4;

/// Loads the library unless the server has it, and refuses one that is newer than this program.
pub(super) async fn ensure(connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
    let found: RedisResult<String> = cmd("FCALL_RO").arg("picket_version").arg(0).query_async(connection).await;
    match found {
        Ok(version) => match version.parse::<u32>() {
            Ok(LIBRARY_VERSION) => return Ok(()),
            Ok(newer) if newer > LIBRARY_VERSION => {
                return Err(Trouble::Unfit(format!(
                    "its function library `picket` is version {newer}, this program knows {LIBRARY_VERSION}; \
                     run the newer program everywhere"
                )));
            }
            Ok(_) => {}
            Err(_) => {
                return Err(Trouble::Unfit(
                    "a function library `picket` of something else is loaded; delete it with FUNCTION DELETE picket"
                        .to_owned(),
                ));
            }
        },
        // Anything else that is wrong shows itself again when the library is loaded.
        Err(error) if error.is_io_error() || error.is_timeout() => return Err(error.into()),
        Err(_) => {}
    }
    cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(LIBRARY).exec_async(connection).await.map_err(Trouble::from)
}

/// Why a server cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It cannot keep the profile's promise: what is wrong and how to mend it.
    Unfit(String),
    /// It could not be asked.
    Failed(RedisError),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        Self::Failed(error)
    }
}

impl Trouble {
    pub(super) fn while_attempting(self, attempt: &'static str) -> StoreError {
        match self {
            Self::Unfit(what) => StoreError::Unfit { what },
            Self::Failed(error) => StoreError::Unavailable { attempt, source: Box::new(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LIBRARY, LIBRARY_VERSION};

    #[test]
    fn the_version_in_the_library_is_the_one_this_program_asks_for() {
        assert!(LIBRARY.contains(&format!("local VERSION = '{LIBRARY_VERSION}'")));
    }
}
