// The host functions that the tokens use, with the types that Rust wants: slices in, Result out.
// In: bytes and numbers. Out: the calls of module "env" (docs/HOST_ABI.md); a call that fails becomes the status to answer with.

pub const ADDRESS: usize = 42;
pub type Address = [u8; ADDRESS];

/// What an entry answers. Anything but SUCCESS drops every write of the run.
pub type Status = i32;
pub const SUCCESS: Status = 0;
pub const INVALID_PARAMETERS: Status = 1;
pub const INSUFFICIENT_BALANCE: Status = 2;
pub const UNAUTHORIZED: Status = 3;
pub const NOT_FOUND: Status = 4;
pub const ALREADY_EXISTS: Status = 5;
pub const EXECUTION_FAILED: Status = 6;

mod env {
    #[link(wasm_import_module = "env")]
    extern "C" {
        pub fn get_caller(out42: *mut u8) -> u32;
        pub fn get_contract_address(out42: *mut u8) -> u32;
        pub fn get_contract_params_len() -> u32;
        pub fn get_contract_params(out: *mut u8) -> u32;
        pub fn set_return_data(data: *const u8, len: usize);
        pub fn state_exists(key: *const u8, key_len: usize) -> u32;
        pub fn state_len(key: *const u8, key_len: usize) -> u32;
        pub fn state_get(key: *const u8, key_len: usize, out: *mut u8) -> u32;
        pub fn state_set(key: *const u8, key_len: usize, value: *const u8, value_len: usize) -> u32;
        pub fn query_utxo_balance(owner42: *const u8, token: *const u8, token_len: usize) -> u64;
        pub fn create_utxo_output(to42: *const u8, amount: u64, token: *const u8, token_len: usize) -> u32;
        pub fn execute_utxo_transfer(from42: *const u8, to42: *const u8, amount: u64, token: *const u8, token_len: usize) -> u32;
        pub fn emit_event(name: *const u8, name_len: usize, data: *const u8, data_len: usize);
        pub fn get_last_error() -> u32;
    }
}

/// The usual status for the host call that failed last.
fn failure() -> Status {
    match unsafe { env::get_last_error() } {
        1..=7 | 14..=16 => INVALID_PARAMETERS, // malformed or too long
        8 | 21 => NOT_FOUND,
        9 => ALREADY_EXISTS,
        10 => UNAUTHORIZED,
        11 | 12 => INSUFFICIENT_BALANCE, // too little, or enough but still locked
        _ => EXECUTION_FAILED,
    }
}

fn done(answer: u32) -> Result<(), Status> {
    if answer != 0 { Ok(()) } else { Err(failure()) }
}

/// The address that signed the transaction.
pub fn caller() -> Address {
    let mut address = [0; ADDRESS];
    unsafe { env::get_caller(address.as_mut_ptr()) };
    address
}

/// The address of this contract.
pub fn contract() -> Address {
    let mut address = [0; ADDRESS];
    unsafe { env::get_contract_address(address.as_mut_ptr()) };
    address
}

/// The parameters, if they fit the buffer.
pub fn params(buffer: &mut [u8]) -> Option<&[u8]> {
    let length = unsafe { env::get_contract_params_len() } as usize;
    if length > 0 && length <= buffer.len() {
        unsafe { env::get_contract_params(buffer.as_mut_ptr()) };
    }
    buffer.get(..length)
}

pub fn set_return_data(data: &[u8]) {
    unsafe { env::set_return_data(data.as_ptr(), data.len()) }
}

pub fn state_exists(key: &[u8]) -> bool {
    unsafe { env::state_exists(key.as_ptr(), key.len()) != 0 }
}

/// A value of the state; None when it is absent or longer than the buffer.
pub fn state_get<'a>(key: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = unsafe { env::state_len(key.as_ptr(), key.len()) } as usize;
    if length == 0 || length > buffer.len() {
        return None;
    }
    unsafe { env::state_get(key.as_ptr(), key.len(), buffer.as_mut_ptr()) };
    buffer.get(..length)
}

pub fn state_set(key: &[u8], value: &[u8]) -> Result<(), Status> {
    done(unsafe { env::state_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// A balance of 0 is not a failure, so the last error tells one from the other.
pub fn balance(owner: &Address, token: &[u8]) -> Result<u64, Status> {
    let amount = unsafe { env::query_utxo_balance(owner.as_ptr(), token.as_ptr(), token.len()) };
    if amount == 0 && unsafe { env::get_last_error() } != 0 { Err(failure()) } else { Ok(amount) }
}

pub fn create_output(to: &Address, amount: u64, token: &[u8]) -> Result<(), Status> {
    done(unsafe { env::create_utxo_output(to.as_ptr(), amount, token.as_ptr(), token.len()) })
}

pub fn transfer(from: &Address, to: &Address, amount: u64, token: &[u8]) -> Result<(), Status> {
    done(unsafe { env::execute_utxo_transfer(from.as_ptr(), to.as_ptr(), amount, token.as_ptr(), token.len()) })
}

pub fn emit_event(name: &[u8], data: &[u8]) {
    unsafe { env::emit_event(name.as_ptr(), name.len(), data.as_ptr(), data.len()) }
}

/// An entry's end: the status is 0 or what went wrong.
pub fn status(result: Result<(), Status>) -> Status {
    match result {
        Ok(()) => SUCCESS,
        Err(status) => status,
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable() // the run traps, the draft is dropped
}
