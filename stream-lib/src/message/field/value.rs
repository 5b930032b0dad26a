//! Values of single fields: the traits, and the pointers and options that pass them on.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::message::error::{EncodeError, FieldError};
use crate::message::schema::FieldType;
use crate::message::writer::FieldWriter;

/// A value that can be written as one field.
///
/// The table in [`message`](crate::message) shows how each type is written.
///
/// # Examples
///
/// ```
/// use stream_lib::message::{EncodeError, FieldError, FieldType, FieldWriter, FromField, ToField};
///
/// #[derive(Debug, PartialEq)]
/// struct Cents(u64);
///
/// impl ToField for Cents {
///     const TYPE: FieldType = FieldType::Text;
///
///     fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
///         out.display(name, format_args!("{} ct", self.0))
///     }
/// }
///
/// impl FromField for Cents {
///     fn from_field(value: &[u8]) -> Result<Self, FieldError> {
///         value
///             .strip_suffix(b" ct")
///             .and_then(|digits| u64::from_field(digits).ok())
///             .map(Cents)
///             .ok_or_else(|| FieldError::expected("cents, such as `7 ct`"))
///     }
/// }
///
/// assert_eq!(Cents::from_field(b"7 ct"), Ok(Cents(7)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as one field",
    label = "not a field value",
    note = "a nested message needs `#[stream(flatten)]`; any serde type can go with `#[stream(json)]`, any `Display + FromStr` with `#[stream(text)]`",
    note = "for a form of its own, `#[stream(with = \"module\")]`; `#[stream(skip)]` leaves the field out"
)]
pub trait ToField {
    /// The form of the value, for tools and error texts.
    const TYPE: FieldType;

    /// Whether some values write no field.
    const OPTIONAL: bool = false;

    /// Writes the field, or nothing if the value is absent.
    ///
    /// # Errors
    ///
    /// As [`FieldWriter`] reports them.
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError>;
}

impl FieldWriter<'_> {
    /// Writes a value of any type that implements [`ToField`].
    #[inline]
    pub fn field(
        &mut self,
        name: &str,
        value: &(impl ToField + ?Sized),
    ) -> Result<(), EncodeError> {
        value.write(name, self)
    }
}

/// A value that can be read from one field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from one field",
    label = "not a field value that can be read",
    note = "a nested message needs `#[stream(flatten)]`; any serde type can go with `#[stream(json)]`, any `Display + FromStr` with `#[stream(text)]`",
    note = "for a form of its own, `#[stream(with = \"module\")]`; `#[stream(skip)]` leaves the field out"
)]
pub trait FromField: Sized {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// If the value doesn't have the expected form. The error never repeats the value.
    fn from_field(value: &[u8]) -> Result<Self, FieldError>;

    /// The value that an absent field stands for. With `None`, the default, an absent
    /// field is an error.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: ToField> ToField for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const OPTIONAL: bool = {
        assert!(
            !T::OPTIONAL,
            "an `Option` in an `Option`: an entry can't tell their `None`s apart"
        );
        true
    };

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.write(name, out),
            None => Ok(()),
        }
    }
}

impl<T: FromField> FromField for Option<T> {
    #[inline]
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        T::from_field(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

macro_rules! write_through_pointer {
    ($($pointer:ty),*) => {$(
        impl<T: ToField + ?Sized> ToField for $pointer {
            const TYPE: FieldType = T::TYPE;
            const OPTIONAL: bool = T::OPTIONAL;

            #[inline]
            fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
                (**self).write(name, out)
            }
        }
    )*};
}

write_through_pointer!(&T, Box<T>, Arc<T>, Rc<T>);

impl<T: ToField + ToOwned + ?Sized> ToField for Cow<'_, T> {
    const TYPE: FieldType = T::TYPE;
    const OPTIONAL: bool = T::OPTIONAL;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        (**self).write(name, out)
    }
}

impl<T: FromField> FromField for Box<T> {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        T::from_field(value).map(Self::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self::new)
    }
}

macro_rules! read_through_box {
    ($($pointer:ident),*) => {$(
        impl<T: ?Sized> FromField for $pointer<T>
        where
            Box<T>: FromField,
        {
            fn from_field(value: &[u8]) -> Result<Self, FieldError> {
                Box::from_field(value).map(Self::from)
            }

            fn absent() -> Option<Self> {
                Box::absent().map(Self::from)
            }
        }
    )*};
}

read_through_box!(Arc, Rc);
